import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RouterError } from "../../../src/errors.ts";
import { HeldBytes, Hold } from "../../../src/admission/held_bytes.ts";

Deno.test("HeldBytes refuses what would be too much, and changes nothing then", () => {
  const all = new HeldBytes(100);
  const [a, b] = [new Hold(all), new Hold(all)];
  a.occupy(60);
  const error = assertThrows(() => b.occupy(41), RouterError);
  assertEquals([error.code, error.status, error.retryAfter], ["at_capacity", 503, 2]);
  assertThrows(() => b.expect(41), RouterError);
  assertEquals(all.held, 60);
  b.occupy(40);
  a.release();
  a.release();
  assertEquals(all.held, 40);
});

Deno.test("HeldBytes never exceeds its bound, and all of it comes back", () => {
  const step = fc.record({ hold: fc.nat({ max: 3 }), bytes: fc.nat({ max: 80 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const all = new HeldBytes(100);
      const holds = [0, 1, 2, 3].map(() => new Hold(all));
      const model = [0, 0, 0, 0];
      for (const { hold, bytes } of steps) {
        try {
          holds[hold]!.occupy(bytes);
          model[hold] = bytes;
        } catch (error) {
          assertEquals((error as RouterError).code, "at_capacity");
        }
        assertEquals(all.held, model.reduce((sum, one) => sum + one, 0));
        assertEquals(all.held <= 100, true);
      }
      for (const hold of holds) hold.release();
      assertEquals(all.held, 0);
    }),
    { seed: 9 },
  );
});

Deno.test("HeldBytes lets a quarter of its bound be read unseen", () => {
  const all = new HeldBytes(100);
  assertEquals([all.beginUnseen(20), all.beginUnseen(6), all.beginUnseen(5)], [true, false, true]);
  all.endUnseen(20);
  assertEquals(all.beginUnseen(20), true);
  assertEquals(all.held, 0);
});

Deno.test("a hold frees the memory of a large body when it gives it back", () => {
  const [large, small] = [new Uint8Array(16 * 1024), new Uint8Array(100)];
  for (const bytes of [large, small]) {
    const hold = new Hold(new HeldBytes(1 << 20));
    hold.keep(bytes.buffer);
    hold.release();
    hold.release();
  }
  assertEquals([large.buffer.detached, small.buffer.detached], [true, false]);
});
