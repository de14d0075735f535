import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { LineWriter } from "../../../src/cli/line_writer.ts";

/** A reader that takes bytes when it is told to. */
class Pipe {
  text = "";
  writes = 0;
  #taken: (() => void) | undefined;
  open = true;

  async write(bytes: Uint8Array): Promise<number> {
    this.writes++;
    if (!this.open) await new Promise<void>((resolve) => this.#taken = resolve);
    const count = Math.min(bytes.length, 7);
    this.text += new TextDecoder().decode(bytes.subarray(0, count));
    return count;
  }

  writeSync(): number {
    throw new Error("not asked for");
  }

  take(): void {
    this.open = true;
    this.#taken?.();
  }
}

Deno.test("LineWriter writes every line in order, also to a reader that takes little at a time", async () => {
  const pipe = new Pipe();
  const writer = new LineWriter({ to: pipe });
  for (let i = 0; i < 5; i++) writer.write(`line ${i}\n`);
  await writer.flush(1000);
  assertEquals(pipe.text, "line 0\nline 1\nline 2\nline 3\nline 4\n");
});

Deno.test("LineWriter drops and counts what a reader that stopped would pile up, and waits for nobody", async () => {
  const pipe = new Pipe();
  pipe.open = false;
  const writer = new LineWriter({ to: pipe, maxWaiting: 20 });
  writer.write("first\n");
  await writer.flush(1);
  for (let i = 0; i < 10; i++) writer.write("0123456\n");
  await writer.flush(1);
  assertEquals(pipe.text, "");
  pipe.take();
  await writer.flush(1000);
  assertEquals(
    pipe.text,
    "first\n0123456\n0123456\n8 log lines were dropped: nobody read them in time\n",
  );
});

Deno.test("LineWriter tells of dropped lines in the words it was given", async () => {
  const pipe = new Pipe();
  pipe.open = false;
  const writer = new LineWriter({ to: pipe, maxWaiting: 4 });
  writer.dropNotice = (count) => `[${count}]\n`;
  writer.write("a\n");
  await writer.flush(1);
  for (let i = 0; i < 5; i++) writer.write("b\n");
  pipe.take();
  await writer.flush(1000);
  assertEquals(pipe.text, "a\nb\nb\n[3]\n");
});

Deno.test("LineWriter goes on after words for dropped lines that could not be had", async () => {
  const pipe = new Pipe();
  const writer = new LineWriter({ to: pipe, maxWaiting: 2 });
  writer.dropNotice = () => {
    throw new Error("defect");
  };
  writer.write("a\n");
  writer.write("b\n");
  await writer.flush(1000);
  writer.write("c\n");
  await writer.flush(1000);
  assertEquals(pipe.text, "a\n1 log lines were dropped: nobody read them in time\nc\n");
});

Deno.test("LineWriter goes on after its reader has gone", async () => {
  let failing = true;
  let text = "";
  const writer = new LineWriter({
    to: {
      write: (bytes) => {
        if (failing) return Promise.reject(new Error("EPIPE"));
        text += new TextDecoder().decode(bytes);
        return Promise.resolve(bytes.length);
      },
      writeSync: () => {
        throw new Error("EPIPE");
      },
    },
  });
  writer.write("lost\n");
  await writer.flush(1000);
  failing = false;
  writer.write("kept\n");
  await writer.flush(1000);
  assertEquals(text, "kept\n");
});

Deno.test("LineWriter writes at once what cannot be written asynchronously", async () => {
  let text = "";
  const writer = new LineWriter({
    to: {
      write: () => Promise.reject(new Error("EMFILE")),
      writeSync: (bytes) => {
        text += new TextDecoder().decode(bytes);
        return bytes.length;
      },
    },
  });
  writer.write("no file descriptors\n");
  await writer.flush(1000);
  assertEquals(text, "no file descriptors\n");
});

Deno.test("LineWriter collects lines for a moment and writes them together, a lot of them at once", async () => {
  using time = new FakeTime(0);
  const writes: string[] = [];
  const write = (bytes: Uint8Array): Promise<number> => {
    writes.push(new TextDecoder().decode(bytes));
    return Promise.resolve(bytes.length);
  };
  const writer = new LineWriter({ to: { write, writeSync: () => 0 }, collectMs: 20 });
  writer.write("a\n");
  await time.tickAsync(19);
  writer.write("b\n");
  assertEquals(writes, []);
  await time.tickAsync(1);
  assertEquals(writes, ["a\nb\n"]);
  writer.write("c".repeat(64 * 1024));
  assertEquals(writes.length, 2, "so much does not wait");
  await writer.flush(1000);
});

Deno.test("LineWriter writes what it has collected at once when the process is about to end", () => {
  let text = "";
  const writer = new LineWriter({
    to: {
      write: (bytes) => Promise.resolve(bytes.length),
      writeSync: (bytes) => {
        text += new TextDecoder().decode(bytes.subarray(0, 3));
        return Math.min(3, bytes.length);
      },
    },
  });
  writer.write("last words\n");
  writer.flushSync();
  assertEquals(text, "last words\n");
});
