import { assertEquals, assertThrows } from "@std/assert";
import { modelResponse, modelsResponse } from "../../../src/api/models.ts";
import { RouterError } from "../../../src/errors.ts";
import { Registry } from "../../../src/registry/registry.ts";
import { newBackend, type TestBackend } from "../../contract/backends.ts";

const SECOND = 1_700_000_000;

function serve(...ids: string[]): { registry: Registry; backend: TestBackend } {
  const registry = new Registry();
  const backend = newBackend("a", { models: ids }, () => SECOND * 1000);
  registry.apply([backend]);
  return { registry, backend };
}

function card(id: string): unknown {
  return { id, object: "model", created: SECOND, owned_by: "infinilm-router", root: id };
}

Deno.test("/models lists cards by id", async () => {
  const response = modelsResponse(serve("b", "a/x").registry);
  assertEquals(await response.json(), { object: "list", data: [card("a/x"), card("b")] });
});

Deno.test("/models says what the backends of a model agree on, but for what is ours to say", async () => {
  const { registry, backend } = serve("m");
  const fields = { object: "x", created: 5, owned_by: "vllm", root: "/m", max_model_len: 8 };
  backend.discovered([{ id: "m", fields }]);
  const expected = { ...card("m") as object, owned_by: "vllm", root: "/m", max_model_len: 8 };
  assertEquals(await modelsResponse(registry).json(), { object: "list", data: [expected] });
  assertEquals(await modelResponse(registry, "m").json(), expected);
});

Deno.test("/models of a router without healthy backends is an empty list", async () => {
  const { registry, backend } = serve("m");
  backend.gate.healthy = false;
  assertEquals(await modelsResponse(registry).json(), { object: "list", data: [] });
});

Deno.test("/models/{id} decodes the rest of the path once", async () => {
  const { registry } = serve("org/model", "a%2Fb", "模型", "a b");
  for (
    const [encoded, id] of [
      ["org/model", "org/model"],
      ["org%2Fmodel", "org/model"],
      ["org%2fmodel", "org/model"],
      ["a%252Fb", "a%2Fb"],
      [encodeURIComponent("模型"), "模型"],
      ["a%20b", "a b"],
    ] as const
  ) {
    assertEquals(await modelResponse(registry, encoded).json(), card(id));
  }
});

Deno.test("/models/{id} of a model that nobody healthy serves is not found", () => {
  const { registry, backend } = serve("m");
  for (const id of ["", "x", "M", "m/", "__proto__", "a%2Fb"]) {
    const error = assertThrows(() => modelResponse(registry, id), RouterError);
    assertEquals([error.code, error.status], ["not_found", 404]);
  }
  backend.gate.healthy = false;
  assertThrows(() => modelResponse(registry, "m"), RouterError, "'m'");
});

Deno.test("/models/{id} that cannot be decoded is a bad request", () => {
  for (const id of ["%", "%zz", "%ff", "a%e4"]) {
    const error = assertThrows(() => modelResponse(serve("m").registry, id), RouterError);
    assertEquals(error.code, "bad_request");
  }
});
