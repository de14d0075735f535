/** A member of the object that was scanned. */
export interface ScannedMember {
  /** Where its value begins and ends, in bytes. */
  readonly start: number;
  readonly end: number;
  /** If it is a list: how many items it has, and whether all of them are strings. */
  readonly items: number;
  readonly allStrings: boolean;
}

const enum State {
  Value,
  ValueOrEnd,
  KeyOrEnd,
  Key,
  Colon,
  AfterValue,
  String,
  Escape,
  Hex,
  Word,
  Minus,
  Zero,
  Integer,
  Point,
  Fraction,
  Exponent,
  ExponentSign,
  ExponentDigits,
  Done,
}

const QUOTE = 34;
const PLUS = 43;
const COMMA = 44;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const COLON = 58;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/** The escapes of one character (RFC 8259, section 7): `"` `\` `/` `b` `f` `n` `r` `t`. */
const ESCAPED: ReadonlySet<number> = new Set([34, 92, 47, 98, 102, 110, 114, 116]);

const WORDS: ReadonlyMap<number, Uint8Array> = new Map(
  ["true", "false", "null"].map((word) => [word.charCodeAt(0), new TextEncoder().encode(word)]),
);

/** Longer names are those of no parameter, even if each character is escaped. */
const MAX_NAME_BYTES = 256;

const decoder = new TextDecoder();

/** What is wrong with a text, and at which byte. */
export class JsonScanError extends Error {
  override readonly name = "JsonScanError";
}

/**
 * Checks that bytes are one JSON object (RFC 8259) and finds members of it, without making any value, and in steps
 * between which others can have the thread. It accepts what `JSON.parse` does but for depth; it does not look at
 * whether the bytes are UTF-8.
 */
export class JsonScanner {
  /** Those of the wanted members that there are; of several of one name the last. */
  readonly members = new Map<string, ScannedMember>();
  /** Values so far, the object itself included. */
  values = 0;
  readonly #bytes: Uint8Array;
  readonly #wanted: ReadonlySet<string>;
  /** For each open container whether it is an object. */
  readonly #objects: boolean[] = [];
  readonly #maxDepth: number;
  #at = 0;
  #state = State.Value;
  /** Whether the string being read is a name. */
  #naming = false;
  /** Hexadecimal digits, or characters of a word, that are to come. */
  #left = 0;
  #word: Uint8Array = new Uint8Array();
  /** Where the name, or the value, of a member of the whole object began. */
  #start = 0;
  #name: string | undefined;
  #items = 0;
  #allStrings = true;

  constructor(
    bytes: Uint8Array,
    { wanted, maxDepth }: { wanted: ReadonlySet<string>; maxDepth: number },
  ) {
    this.#bytes = bytes;
    this.#wanted = wanted;
    this.#maxDepth = maxDepth;
  }

  /** Goes on up to that byte; at the end of all, the object must have ended. Throws `JsonScanError`. */
  scan(to: number): void {
    const bytes = this.#bytes;
    const end = Math.min(to, bytes.length);
    while (this.#at < end) {
      if (this.#state === State.String) {
        this.#skipText(end);
        continue;
      }
      this.#take(bytes[this.#at]!);
      this.#at++;
    }
    if (end === bytes.length && this.#state !== State.Done) {
      throw new JsonScanError("it ends too early");
    }
  }

  /** The text of a string is most of what there is. */
  #skipText(end: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let byte = 0;
    for (; at < end; at++) {
      byte = bytes[at]!;
      if (byte === QUOTE || byte === BACKSLASH || byte < 32) break;
    }
    this.#at = at;
    if (at === end) return;
    if (byte === BACKSLASH) this.#state = State.Escape;
    else if (byte === QUOTE) this.#endString();
    else throw this.#unexpected(byte);
    this.#at++;
  }

  #take(byte: number): void {
    switch (this.#state) {
      case State.Escape:
        if (byte === 117) {
          this.#left = 4;
          this.#state = State.Hex;
        } else if (ESCAPED.has(byte)) this.#state = State.String;
        else throw this.#unexpected(byte);
        return;
      case State.Hex:
        if (!isHex(byte)) throw this.#unexpected(byte);
        if (--this.#left === 0) this.#state = State.String;
        return;
      case State.Word:
        if (byte !== this.#word[this.#word.length - this.#left]) throw this.#unexpected(byte);
        if (--this.#left === 0) this.#endValue(this.#at + 1);
        return;
    }
    if (this.#state >= State.Minus && this.#state <= State.ExponentDigits) {
      if (this.#takeOfNumber(byte)) return;
      this.#endValue(this.#at);
    }
    if (byte === 32 || byte === 10 || byte === 13 || byte === 9) return;
    switch (this.#state) {
      case State.ValueOrEnd:
        if (byte === CLOSE_BRACKET) return this.#close();
        return this.#beginValue(byte);
      case State.Value:
        return this.#beginValue(byte);
      case State.KeyOrEnd:
        if (byte === CLOSE_BRACE) return this.#close();
        return this.#beginName(byte);
      case State.Key:
        return this.#beginName(byte);
      case State.Colon:
        if (byte !== COLON) throw this.#unexpected(byte);
        this.#state = State.Value;
        return;
      case State.AfterValue: {
        const inObject = this.#objects.at(-1)!;
        if (byte === COMMA) this.#state = inObject ? State.Key : State.Value;
        else if (byte === (inObject ? CLOSE_BRACE : CLOSE_BRACKET)) this.#close();
        else throw this.#unexpected(byte);
        return;
      }
      default:
        throw this.#unexpected(byte);
    }
  }

  /** Whether the byte is part of the number. Throws if there must be more of it first. */
  #takeOfNumber(byte: number): boolean {
    const digit = byte >= ZERO && byte <= 57;
    const exponent = byte === 69 || byte === 101;
    switch (this.#state) {
      case State.Minus:
        if (!digit) throw this.#unexpected(byte);
        this.#state = byte === ZERO ? State.Zero : State.Integer;
        return true;
      case State.Zero:
      case State.Integer:
        if (digit && this.#state === State.Integer) return true;
        if (byte === POINT) this.#state = State.Point;
        else if (exponent) this.#state = State.Exponent;
        else if (digit) throw this.#unexpected(byte);
        else return false;
        return true;
      case State.Point:
        if (!digit) throw this.#unexpected(byte);
        this.#state = State.Fraction;
        return true;
      case State.Fraction:
        if (exponent) this.#state = State.Exponent;
        return digit || exponent;
      case State.Exponent:
        if (byte === PLUS || byte === MINUS) this.#state = State.ExponentSign;
        else if (digit) this.#state = State.ExponentDigits;
        else throw this.#unexpected(byte);
        return true;
      case State.ExponentSign:
        if (!digit) throw this.#unexpected(byte);
        this.#state = State.ExponentDigits;
        return true;
      default:
        return digit;
    }
  }

  #beginValue(byte: number): void {
    const depth = this.#objects.length;
    if (depth === 0 && byte !== OPEN_BRACE) {
      throw new JsonScanError("it is something else");
    }
    this.values++;
    if (depth === 1) {
      this.#start = this.#at;
      this.#items = 0;
      this.#allStrings = true;
    } else if (depth === 2) {
      this.#items++;
      this.#allStrings &&= byte === QUOTE;
    }
    if (byte === QUOTE) {
      this.#naming = false;
      this.#state = State.String;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth === this.#maxDepth) {
        throw new JsonScanError(`it nests deeper than ${this.#maxDepth} levels`);
      }
      this.#objects.push(byte === OPEN_BRACE);
      this.#state = byte === OPEN_BRACE ? State.KeyOrEnd : State.ValueOrEnd;
    } else if (byte === MINUS) this.#state = State.Minus;
    else if (byte === ZERO) this.#state = State.Zero;
    else if (byte > ZERO && byte <= 57) this.#state = State.Integer;
    else {
      const word = WORDS.get(byte);
      if (word === undefined) throw this.#unexpected(byte);
      this.#word = word;
      this.#left = word.length - 1;
      this.#state = State.Word;
    }
  }

  #beginName(byte: number): void {
    if (byte !== QUOTE) throw this.#unexpected(byte);
    this.#naming = true;
    this.#state = State.String;
    if (this.#objects.length === 1) this.#start = this.#at;
  }

  #endString(): void {
    if (!this.#naming) return this.#endValue(this.#at + 1);
    this.#state = State.Colon;
    if (this.#objects.length === 1) this.#name = this.#nameAt(this.#start, this.#at + 1);
  }

  /** Undefined for what is not wanted. */
  #nameAt(start: number, end: number): string | undefined {
    if (end - start > MAX_NAME_BYTES) return undefined;
    const name = JSON.parse(decoder.decode(this.#bytes.subarray(start, end))) as string;
    return this.#wanted.has(name) ? name : undefined;
  }

  #close(): void {
    this.#objects.pop();
    this.#endValue(this.#at + 1);
  }

  #endValue(end: number): void {
    const depth = this.#objects.length;
    this.#state = depth === 0 ? State.Done : State.AfterValue;
    if (depth !== 1 || this.#name === undefined) return;
    this.members.set(this.#name, {
      start: this.#start,
      end,
      items: this.#items,
      allStrings: this.#allStrings,
    });
  }

  #unexpected(byte: number): JsonScanError {
    const shown = byte > 32 && byte < 127
      ? `'${String.fromCharCode(byte)}'`
      : `byte 0x${byte.toString(16).padStart(2, "0")}`;
    return new JsonScanError(`unexpected ${shown} at byte ${this.#at}`);
  }
}

function isHex(byte: number): boolean {
  return byte >= 48 && byte <= 57 || byte >= 65 && byte <= 70 || byte >= 97 && byte <= 102;
}
