/** `@std/assert` from npm alone: only the names this project uses, over `node:assert`. */
import nodeAssert from "node:assert/strict";

export { AssertionError } from "node:assert";

// deno-lint-ignore no-explicit-any -- a constructor of anything, as in @std/assert
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

export function assert(value: unknown, message = ""): asserts value {
  nodeAssert.ok(value, message || "expected a truthy value");
}

export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepStrictEqual(actual, expected, message);
}

export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.notDeepStrictEqual(actual, expected, message);
}

export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  if (!actual.includes(expected)) {
    nodeAssert.fail(
      message ?? `expected ${JSON.stringify(actual)} to include ${JSON.stringify(expected)}`,
    );
  }
}

export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  nodeAssert.match(actual, expected, message);
}

export function assertExists<T>(actual: T, message?: string): asserts actual is NonNullable<T> {
  nodeAssert.ok(actual !== undefined && actual !== null, message ?? "expected a value");
}

export function assertInstanceOf<E extends Error>(
  actual: unknown,
  expected: ErrorClass<E>,
  message?: string,
): asserts actual is E {
  nodeAssert.ok(actual instanceof expected, message ?? `expected an instance of ${expected.name}`);
}

export function fail(message?: string): never {
  nodeAssert.fail(message);
}

function judge<E extends Error>(error: unknown, expected?: ErrorClass<E>, includes?: string): E {
  if (expected !== undefined && !(error instanceof expected)) {
    nodeAssert.fail(`expected a ${expected.name} to be thrown, got ${String(error)}`);
  }
  if (includes !== undefined) assertStringIncludes((error as Error).message, includes);
  return error as E;
}

export function assertThrows<E extends Error = Error>(
  run: () => unknown,
  expected?: ErrorClass<E>,
  includes?: string,
): E {
  try {
    run();
  } catch (error) {
    return judge(error, expected, includes);
  }
  nodeAssert.fail("expected the function to throw");
}

export async function assertRejects<E extends Error = Error>(
  run: () => PromiseLike<unknown>,
  expected?: ErrorClass<E>,
  includes?: string,
): Promise<E> {
  try {
    await run();
  } catch (error) {
    return judge(error, expected, includes);
  }
  nodeAssert.fail("expected the promise to be rejected");
}
