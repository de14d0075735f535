import { assertEquals } from "@std/assert";
import {
  fromSocket,
  isOutOfDescriptors,
  isOutOfMeans,
  UpstreamError,
} from "../../../src/upstream/upstream_error.ts";

const { errors } = Deno;

const KINDS: [error: unknown, phase: "connect" | "write" | "head" | "body", kind: string][] = [
  [new errors.ConnectionRefused("x"), "connect", "refused"],
  [new errors.TimedOut("x"), "connect", "timeout"],
  [new errors.NotFound("no such name"), "connect", "unreachable"],
  [new Error("Network is unreachable (os error 101)"), "connect", "unreachable"],
  [new Error("failed to lookup address information"), "connect", "unreachable"],
  [new Error("Too many open files (os error 24)"), "connect", "local"],
  [new Error("Too many open files in system (os error 23)"), "connect", "local"],
  [new errors.AddrNotAvailable("x"), "connect", "local"],
  [new Error("Cannot assign requested address (os error 99)"), "connect", "local"],
  [new Error("No buffer space available (os error 105)"), "write", "local"],
  [new Error("Cannot allocate memory (os error 12)"), "body", "local"],
  [new Error("Too many open files (os error 24)"), "head", "local"],
  [new Error("(os error 990)"), "connect", "unreachable"],
  [new Error("(os error 111)"), "head", "reset"],
  [new Error("(os error 240)"), "connect", "unreachable"],
  [new errors.ConnectionReset("x"), "head", "reset"],
  [new errors.BrokenPipe("x"), "write", "reset"],
  [new errors.TimedOut("x"), "body", "reset"],
  [new errors.Interrupted("x"), "body", "aborted"],
  [new errors.BadResource("x"), "write", "aborted"],
  ["text", "body", "reset"],
];

for (const [error, phase, kind] of KINDS) {
  Deno.test(`a socket's ${error} in phase ${phase} is of kind ${kind}`, () => {
    const typed = fromSocket(error, phase);
    assertEquals([typed.kind, typed.phase, typed.cause], [kind, phase, error]);
    assertEquals([typed.delivered, typed.answered, typed.reused], [false, false, false]);
  });
}

Deno.test("an UpstreamError is not wrapped again", () => {
  const error = new UpstreamError("closed", "x", { phase: "body" });
  assertEquals(fromSocket(error, "connect") === error, true);
});

Deno.test("want of descriptors is want of means, and other wants are not want of descriptors", () => {
  const descriptors = new Error("Too many open files (os error 24)");
  const ports = new errors.AddrNotAvailable("Cannot assign requested address (os error 99)");
  assertEquals([descriptors, ports].map(isOutOfDescriptors), [true, false]);
  assertEquals([descriptors, ports].map(isOutOfMeans), [true, true]);
  assertEquals([isOutOfMeans(new errors.ConnectionRefused("x")), isOutOfMeans("x")], [
    false,
    false,
  ]);
});
