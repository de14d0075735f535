import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { concat } from "../../../src/concat.ts";
import { type Endpoint, unknownEndpoint } from "../../../src/engine/endpoints.ts";
import { RouterError } from "../../../src/errors.ts";
import { Cutoff } from "../../../src/proxy/cutoff.ts";
import { type Call, readCall } from "../../../src/proxy/call.ts";
import { LARGE_BYTES } from "../../../src/proxy/large_body.ts";
import { HeldBytes, Hold } from "../../../src/admission/held_bytes.ts";
import { OneAtATime } from "../../../src/proxy/one_at_a_time.ts";
import { readHead } from "../../../src/proxy/request_head.ts";
import { Registry } from "../../../src/registry/registry.ts";
import { newBackend } from "../../contract/backends.ts";

const CHAT: Endpoint = {
  path: "/chat/completions",
  upstreamPath: "/v1/chat/completions",
  check: "chat",
  api: "openai",
  lastEvents: [],
};
const EMBEDDINGS: Endpoint = {
  path: "/embeddings",
  upstreamPath: "/v1/embeddings",
  check: "model_only",
  api: "openai",
  lastEvents: [],
};
const MESSAGES = '"messages":[{"role":"user","content":"x"}]';

interface Given {
  headers?: Record<string, string>;
  endpoint?: Endpoint;
  models?: string[][];
  maxBody?: number;
  validate?: boolean;
  defaultModel?: string;
  cutoff?: Cutoff;
}

function read(body: string | Uint8Array<ArrayBuffer>, given: Given = {}): Promise<Call> {
  const {
    headers = {},
    endpoint = CHAT,
    models = [["a"], ["b"]],
    maxBody = 1 << 20,
    validate = true,
    defaultModel,
  } = given;
  const registry = new Registry();
  registry.apply(models.map((models, index) => newBackend(`b${index}`, { models })));
  const request = new Request("http://router/", { method: "POST", body, headers });
  return readCall(request, {
    cutoff: given.cutoff ?? new Cutoff(),
    requestId: "r-1",
    routerId: "router-1",
    endpoint,
    query: "?a=b",
    head: readHead(request.headers),
    hold: new Hold(new HeldBytes(1 << 24)),
    largeBodies: new OneAtATime(),
    client: "10.0.0.9",
    registry,
    maxBody,
    requests: { validate, defaultModel },
    compression: "identity",
  });
}

async function refusal(
  body: string | Uint8Array<ArrayBuffer>,
  given?: Given,
): Promise<RouterError> {
  return await assertRejects(() => read(body, given), RouterError);
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

Deno.test("a call keeps its body byte for byte, whatever it holds", async () => {
  const text = ` {"model" : "m\\u00e4", ${MESSAGES}, "n":12345678901234567890, "f":1.50, "n":1e2,` +
    `"u":"\\ud83d\\ude00 ä 😀","z":null,"a":1,"A":2}\n`;
  const call = await read(utf8(text));
  assertEquals(call.body, utf8(text));
  assertEquals([call.model, call.stream, call.query], ["mä", false, "?a=b"]);
});

Deno.test("a call asks for a stream only with true", async () => {
  for (const [stream, expected] of [["true", true], ["false", false], ["null", false]] as const) {
    assertEquals((await read(`{"model":"m",${MESSAGES},"stream":${stream}}`)).stream, expected);
  }
  const loose = await read('{"model":"m","stream":"yes"}', { validate: false });
  assertEquals(loose.stream, false);
});

const NOT_OBJECTS: [name: string, body: string | Uint8Array<ArrayBuffer>][] = [
  ["nothing", ""],
  ["a space", " "],
  ["null", "null"],
  ["a list", '[{"model":"m"}]'],
  ["a text", '"model"'],
  ["a number", "5"],
  ["two objects", "{}{}"],
  ["half an object", '{"model":"m"'],
  ["a comma too many", '{"model":"m",}'],
  ["single quotes", "{'model':'m'}"],
  ["NaN", '{"model":NaN}'],
  ["a byte order mark", new Uint8Array([0xef, 0xbb, 0xbf, ...utf8('{"model":"m"}')])],
  ["UTF-16", new Uint8Array([0x7b, 0, 0x7d, 0])],
  ["a byte that is not UTF-8", new Uint8Array([...utf8('{"model":"'), 0xff, ...utf8('"}')])],
  ["an overlong code point", new Uint8Array([...utf8('{"model":"'), 0xc0, 0xaf, ...utf8('"}')])],
  [
    "a lone surrogate in bytes",
    new Uint8Array([...utf8('{"model":"'), 0xed, 0xa0, 0x80, ...utf8('"}')]),
  ],
  ["a control character in a text", '{"model":"a\nb"}'],
  ["a form", "model=m&messages=x"],
];

/** The same body, but so large that it is read step by step. */
function enlarged(body: string | Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return concat([utf8(" ".repeat(LARGE_BYTES)), typeof body === "string" ? utf8(body) : body]);
}

for (const [name, body] of NOT_OBJECTS) {
  Deno.test(`a large body of ${name} is refused as not a JSON object, too`, async () => {
    const error = await refusal(enlarged(body), { maxBody: 1 << 22 });
    assertEquals([error.code, error.status], ["invalid_json", 400]);
    assert(error.message.length < 300, error.message);
  });

  Deno.test(`a body of ${name} is refused as not a JSON object`, async () => {
    const error = await refusal(body);
    assertEquals([error.code, error.status], ["invalid_json", 400]);
    assert(error.message.length < 300, error.message);
  });
}

Deno.test("a body is refused for its encoding before it is read", async () => {
  for (
    const headers of [
      { "content-encoding": "gzip" },
      { "content-encoding": "identity, br" },
      { "content-type": "multipart/form-data; boundary=x" },
      { "content-type": "Multipart/Mixed" },
    ] as Record<string, string>[]
  ) {
    const error = await refusal("{}", { headers, maxBody: 0 });
    assertEquals([error.code, error.status], ["unsupported_encoding", 415]);
  }
});

Deno.test("a body's content-type is not looked at otherwise", async () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "nonsense"]) {
    const headers = { "content-type": type, "content-encoding": "Identity" };
    assertEquals((await read(`{"model":"m",${MESSAGES}}`, { headers })).model, "m");
  }
});

Deno.test("a call without a model goes to the only model there is", async () => {
  for (const model of ["", '"model":null,']) {
    const call = await read(`{${model}${MESSAGES}}`, { models: [["a"], ["a"]] });
    assertEquals(call.model, "a");
    const error = await refusal(`{${model}${MESSAGES}}`);
    assertEquals([error.code, error.status, error.param], ["model_required", 400, "model"]);
  }
});

Deno.test("a model that is no name is refused, and named", async () => {
  const models = [
    '""',
    "5",
    "true",
    "[]",
    "{}",
    '["m"]',
    `"${"x".repeat(513)}"`,
    `"${"x".repeat(10_000)}"`,
  ];
  for (const model of models) {
    for (const validate of [true, false]) {
      const error = await refusal(`{"model":${model},${MESSAGES}}`, { validate });
      assertEquals([error.code, error.param], ["invalid_parameter", "model"]);
      assert(error.message.length < 200, error.message);
    }
  }
  assertEquals((await read(`{"model":"${"x".repeat(512)}",${MESSAGES}}`)).model.length, 512);
});

Deno.test("a model in the prototype is no model, and the prototype of nothing is changed", async () => {
  const error = await refusal(
    `{"__proto__":{"model":"m"},"constructor":{"prototype":{"x":1}},${MESSAGES}}`,
  );
  assertEquals(error.code, "model_required");
  assertEquals(({} as Record<string, unknown>)["model"], undefined);
  for (const model of ["__proto__", "constructor", "toString"]) {
    assertEquals((await read(`{"model":"${model}",${MESSAGES}}`)).model, model);
  }
});

Deno.test("a body nested a hundred thousand deep is refused before it is parsed", async () => {
  const deep = `{"model":"m","messages":[1],"z":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  assertEquals((await refusal(deep)).code, "invalid_json");
});

Deno.test("parameters are checked on the two generating endpoints, unless that is turned off", async () => {
  const bad = `{"model":"m",${MESSAGES},"stop":5}`;
  assertEquals((await refusal(bad)).param, "stop");
  assertEquals((await read(bad, { validate: false })).model, "m");
  assertEquals((await read('{"model":"m","stop":5}', { endpoint: EMBEDDINGS })).model, "m");
});

Deno.test("a call's headers are made for the backend", async () => {
  const { headers, requestId } = await read(`{"model":"m",${MESSAGES}}`, {
    headers: { te: "x", "x-a": "1" },
  });
  const byName = Object.fromEntries(headers);
  assertEquals([byName["te"], byName["x-a"], byName["x-request-id"]], [undefined, "1", "r-1"]);
  assertEquals([byName["x-forwarded-for"], requestId], ["10.0.0.9", "r-1"]);
});

Deno.test("promise 39: whatever a body holds, it is read or refused with a code", async () => {
  const codes = new Set(["invalid_json", "invalid_parameter", "model_required"]);
  const keys = fc.constantFrom(
    "model",
    "messages",
    "stop",
    "stream",
    "__proto__",
    "temperature",
    "x",
  );
  const objects = fc.dictionary(keys, fc.jsonValue()).map((value) => utf8(JSON.stringify(value)));
  const spoilt = fc.tuple(objects, fc.nat(), fc.nat(255)).map(([bytes, at, byte]) => {
    const copy = bytes.slice();
    copy[at % copy.length] = byte;
    return copy;
  });
  const noise = fc.uint8Array({ maxLength: 60 }).map((bytes) => Uint8Array.from(bytes));
  await fc.assert(
    fc.asyncProperty(fc.oneof(objects, spoilt, noise), async (body) => {
      try {
        const call = await read(body);
        assertEquals(call.body, body);
      } catch (error) {
        assert(error instanceof RouterError && codes.has(error.code), String(error));
      }
    }),
    { seed: 61, numRuns: 1000 },
  );
});

Deno.test("`default` and no model mean the configured model, else the only one that is served", async () => {
  const text = (call: Call): string => new TextDecoder().decode(call.body);
  const body = `{"a":1.0,"model":"default",${MESSAGES}}`;
  const one = await read(body, { models: [["a"], ["a"]] });
  assertEquals([one.model, text(one)], ["a", body.replace("default", "a")]);
  const named = await read(body, { models: [["a"], ["b"]], defaultModel: "b" });
  assertEquals([named.model, text(named)], ["b", body.replace("default", "b")]);
  const missing = await read(`{${MESSAGES}}`, { models: [["a"], ["b"]], defaultModel: "b" });
  assertEquals([missing.model, text(missing)], ["b", `{${MESSAGES}}`]);
  const served = await read(body, { models: [["default"], ["a"]], defaultModel: "a" });
  assertEquals([served.model, text(served)], ["default", body]);
  const several = await assertRejects(() => read(body, { models: [["a"], ["b"]] }), RouterError);
  assertEquals([several.code, several.message.includes("'default'")], ["model_required", true]);
});

Deno.test("of a path that is not in the API a model is read if there is one, and nothing is asked of the body", async () => {
  const endpoint = unknownEndpoint("/v1/x");
  const multipart = { "content-type": "multipart/form-data; boundary=x" };
  const forms = await read("--x--", { endpoint, headers: multipart, models: [["a"]] });
  assertEquals([forms.model, forms.method], ["a", "POST"]);
  assertEquals((await read('{"model":"b","stop":5}', { endpoint })).model, "b");
  const nobody = await assertRejects(() => read("x", { endpoint }), RouterError);
  assertEquals(nobody.code, "model_required");
});

// Large bodies

const LARGE = { maxBody: 1 << 23 };

Deno.test("promise 39: a large body is read as a small one is: model, stream, and what is wrong with it", async () => {
  const value = fc.oneof(
    fc.constantFrom(null, true, 1, 0.5, -1, "", "text", [], ["a"], ["a", 1], {}, { stop: 1 }),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const body = fc.record({
    model: fc.oneof(fc.constantFrom("m", "default", ""), value),
    messages: fc.oneof(fc.constant([{ role: "user", content: "ä" }]), value),
    stream: fc.oneof(fc.boolean(), value),
    temperature: value,
    stop: value,
    sampling_params: value,
    other: value,
  }, { requiredKeys: [] });
  const seen = async (bytes: string | Uint8Array<ArrayBuffer>): Promise<unknown> => {
    try {
      const { model, stream } = await read(bytes, { ...LARGE, models: [["only"]] });
      return { model, stream };
    } catch (error) {
      if (!(error instanceof RouterError)) throw error;
      const { code, message, param } = error;
      return { code, message, param };
    }
  };
  await fc.assert(
    fc.asyncProperty(body, async (body) => {
      const text = JSON.stringify(body);
      assertEquals(await seen(enlarged(text)), await seen(text));
    }),
    { numRuns: 60, seed: 7 },
  );
});

const WIDE = LARGE_BYTES / 4;
const LARGE_VALUES: [what: string, members: string, param: string | undefined][] = [
  ["a long text", `"prompt":"${"ä\\n".repeat(WIDE)}"`, undefined],
  ["a list of texts to stop at", `"stop":[${'"abc",'.repeat(WIDE)}"d"]`, undefined],
  ["such a list with a number", `"stop":[${'"abc",'.repeat(WIDE)}4]`, "stop"],
  ["a long text to stop at", `"stop":"${"abcd".repeat(WIDE)}"`, undefined],
  ["many messages", `"messages":[${'{"a":1},'.repeat(WIDE)}{}]`, undefined],
  ["messages that are an object", `"messages":{${'"abc":1,'.repeat(WIDE)}"d":2}`, "messages"],
  ["messages that are a text", `"messages":"${"abcd".repeat(WIDE)}"`, "messages"],
  [
    "an object that must be one",
    `"chat_template_kwargs":{"a":"${"b".repeat(4 * WIDE)}"}`,
    undefined,
  ],
  [
    "a list in its place",
    `"chat_template_kwargs":[${"1,".repeat(2 * WIDE)}2]`,
    "chat_template_kwargs",
  ],
  ["a temperature of a million digits", `"temperature":0.${"1".repeat(4 * WIDE)}`, "temperature"],
  [
    "sampling_params with a bad stop behind much else",
    `"sampling_params":{"pad":"${"x".repeat(100_000)}","stop":5},"pad":"${"y".repeat(4 * WIDE)}"`,
    "sampling_params.stop",
  ],
  [
    "a temperature whose name is escaped",
    `"${[..."temperature"].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join("")}":9,` +
    `"pad":"${"y".repeat(4 * WIDE)}"`,
    "temperature",
  ],
  [
    "sampling_params of megabytes",
    `"sampling_params":{"pad":"${"x".repeat(5 * WIDE)}"}`,
    "sampling_params",
  ],
  ["a model of a million characters", `"model":"${"m".repeat(4 * WIDE)}"`, "model"],
];

for (const [what, members, param] of LARGE_VALUES) {
  Deno.test(`${what} in a large body ${param === undefined ? "passes" : "is refused"}, and never made`, async () => {
    const rest = members.startsWith('"messages"') ? members : `${MESSAGES},${members}`;
    const body = `{"model":"m",${rest}}`;
    if (param === undefined) {
      const call = await read(body, LARGE);
      assertEquals([call.model, call.bodyBytes], ["m", utf8(body).length]);
    } else {
      const error = await refusal(body, LARGE);
      assertEquals([error.code, error.param], ["invalid_parameter", param]);
      assert(error.message.length < 300, error.message);
    }
  });
}

Deno.test("a large body's 'default' becomes the only model, and nothing else in it changes", async () => {
  const text = (model: string): string =>
    `{"a":"${"ä".repeat(LARGE_BYTES)}","model" : "${model}" ,${MESSAGES},"n":1.50}`;
  const call = await read(text("default"), { ...LARGE, models: [["only"]] });
  assertEquals(new TextDecoder().decode(call.body), text("only"));
});

Deno.test("a large body can still be had parsed, unless it is of too many values", async () => {
  const text = `{"model":"m",${MESSAGES},"a":"${"ä".repeat(LARGE_BYTES)}"}`;
  const call = await read(text, LARGE);
  assertEquals([call.dense, call.json()], [false, JSON.parse(text)]);
  const dense = await read(`{"model":"m",${MESSAGES},"a":[${"1,".repeat(LARGE_BYTES)}1]}`, LARGE);
  assertEquals(dense.dense, true);
});

Deno.test("a large body whose client leaves is not read on", async () => {
  const cutoff = new Cutoff();
  const body = `{"model":"m",${MESSAGES},"a":"${"b".repeat(LARGE_BYTES)}"}`;
  const reading = read(body, { ...LARGE, cutoff });
  setTimeout(() => cutoff.cut("client_left"), 0);
  const error = await assertRejects(() => reading, RouterError);
  assertEquals(error.code, "client_closed");
});
