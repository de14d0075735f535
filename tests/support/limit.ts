/**
 * Loaded before the tests by `deno test --preload`: a test that says nothing about its limit gets
 * this one, so that neither an endless await nor an endless loop holds up the others.
 */
const LIMIT = { timeout: 60_000 };

type Define = (...args: unknown[]) => void;

function limited(define: Define): Define {
  return (...args) => {
    const at = args.findIndex((arg) => typeof arg === "object");
    if (at === -1) args.splice(-1, 0, LIMIT); // right before the function
    else args[at] = { ...LIMIT, ...args[at] as object };
    define(...args);
  };
}

const { test } = Deno as unknown as { test: Define & { ignore: Define; only: Define } };
const { ignore, only } = test;
const value = Object.assign(limited(test), test, { ignore: limited(ignore), only: limited(only) });
Object.defineProperty(Deno, "test", { value, writable: true, configurable: true });

// With nothing left to do Deno gives up on the whole file, and does not name the test that waits.
let timer: ReturnType<typeof setInterval>;
Deno.test.beforeAll(() => void (timer = setInterval(() => {}, LIMIT.timeout)));
Deno.test.afterAll(() => clearInterval(timer));
