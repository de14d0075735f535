import { assertEquals, assertMatch } from "@std/assert";
import { chat, post, readStream, readWhole, withInfiniLm } from "./infinilm_client.ts";

const OPENING = "echo:a b c d e";
const STUB_PROMPT_TOKENS = 10;

Deno.test("InfiniLM: what is not JSON gets a 400 with a plain string, streamed or not", async () => {
  await withInfiniLm({}, async (sim) => {
    const deep = `{"messages":${"[".repeat(2000)}${"]".repeat(2000)}}`;
    for (const body of ["", "{", '{"stream":true,', "\ufffd", "nonsense", deep]) {
      const { status, body: said } = await post(sim, body);
      assertEquals([status, said], [400, '{"error":"Invalid JSON"}'], body.slice(0, 20));
    }
  });
});

Deno.test("InfiniLM: JSON that is no object gets a 500 in plain text", async () => {
  await withInfiniLm({}, async (sim) => {
    for (const body of ["[]", '"x"', "null", "12"]) {
      const { status, headers, body: said } = await post(sim, body);
      assertEquals([status, said], [500, "Internal Server Error"]);
      assertEquals(headers.get("content-type"), "text/plain; charset=utf-8");
    }
  });
});

Deno.test("InfiniLM: neither messages nor prompt gets a 400, also of a stream", async () => {
  await withInfiniLm({}, async (sim) => {
    for (
      const part of [{}, { messages: null }, { messages: [] }, { messages: {} }, { prompt: "" }]
    ) {
      for (const stream of [true, false]) {
        const { status, body } = await post(sim, { ...part, stream });
        assertEquals([status, body], [400, '{"error":"No message provided"}']);
      }
    }
  });
});

Deno.test("InfiniLM: a prompt is put into the chat template; messages win over it, unless empty", async () => {
  await withInfiniLm({}, async (sim) => {
    const prompt = "echo:prompt a b";
    const messages = [{ role: "user", content: "echo:messages a b" }];
    const cases = [
      [{ prompt }, "prompt a"],
      [{ prompt, messages }, "messages a"],
      [{ prompt, messages: [] }, "prompt a"],
    ] as const;
    for (const [body, text] of cases) {
      assertEquals(readWhole(await post(sim, { ...body, max_tokens: 3 })).text, text);
    }
    const { usage } = readWhole(await post(sim, { prompt, max_tokens: 3 }));
    assertEquals(usage.prompt_tokens, 3 + 5);
  });
});

/** Bodies that the server cannot work with, and what Python says to them. */
const WRONG: readonly (readonly [Record<string, unknown> | string, string])[] = [
  [{ temperature: "a" }, "could not convert string to float: 'a'"],
  [{ temperature: [1] }, "float() argument must be a string or a real number, not 'list'"],
  [{ top_p: "it's" }, `could not convert string to float: "it's"`],
  [{ top_k: "a" }, "invalid literal for int() with base 10: 'a'"],
  [{ max_tokens: "abc" }, "invalid literal for int() with base 10: 'abc'"],
  [
    { max_tokens: [1] },
    "int() argument must be a string, a bytes-like object or a real number, not 'list'",
  ],
  [
    '{"prompt":"x","max_tokens":Infinity,"stream":STREAM}',
    "cannot convert float infinity to integer",
  ],
  ['{"prompt":"x","max_tokens":NaN,"stream":STREAM}', "cannot convert float NaN to integer"],
  [
    { sampling_params: { max_tokens: "x" }, max_tokens: null },
    "invalid literal for int() with base 10: 'x'",
  ],
  [{ messages: "hi" }, "string indices must be integers, not 'str'"],
  [{ messages: { a: 1 } }, "string indices must be integers, not 'str'"],
  [{ messages: ["hi"] }, "string indices must be integers, not 'str'"],
  [{ messages: [5] }, "'int' object is not subscriptable"],
  [{ messages: true }, "'bool' object is not iterable"],
  [{ messages: [{ role: "user" }] }, "'content'"],
  [
    { messages: [{ role: "user", content: null }] },
    'can only concatenate str (not "NoneType") to str',
  ],
  [{ messages: [{ role: "user", content: 5 }] }, 'can only concatenate str (not "int") to str'],
  [
    { messages: [{ role: "user", content: [text("a"), text("b")] }] },
    "Only one content item supported in list",
  ],
  [{ messages: [{ role: "user", content: [] }] }, "Only one content item supported in list"],
  [
    { messages: [{ role: "user", content: [{ type: "text" }] }] },
    "Content dict must have 'type' and 'text' keys",
  ],
  [
    { messages: [{ role: "user", content: [text("a"), image("http://x/y.jpg")] }] },
    "[Errno 2] No such file or directory: 'http://x/y.jpg'",
  ],
  [
    { messages: [{ role: "user", content: [image("/etc/passwd")] }] },
    "cannot identify image file '/etc/passwd'",
  ],
  [
    { messages: [{ role: "user", content: [text("a"), image("data:image/png;base64,AA==")] }] },
    "Only one content item supported in list",
  ],
  [{ messages: [], prompt: [1, 2] }, "'int' object has no attribute 'get'"],
  [{ messages: [], prompt: ["a", "b"] }, "'str' object has no attribute 'get'"],
  [{ messages: [], prompt: 5 }, 'can only concatenate str (not "int") to str'],
];

function text(text: string): object {
  return { type: "text", text };
}

function image(url: string): object {
  return { type: "image_url", image_url: { url } };
}

function bodyOf(wrong: Record<string, unknown> | string, stream: boolean): unknown {
  if (typeof wrong === "string") return wrong.replace("STREAM", String(stream));
  return { ...chat("x"), ...wrong, stream };
}

Deno.test("InfiniLM: wrong types get Python's words: a 500, or a 200 with an error inside", async () => {
  await withInfiniLm({}, async (sim) => {
    for (const [wrong, words] of WRONG) {
      const { status, body } = await post(sim, bodyOf(wrong, false));
      assertEquals([status, body], [500, JSON.stringify({ error: words })]);
      assertEquals(readStream(await post(sim, bodyOf(wrong, true))), {
        texts: [`[Error: ${words}]`],
        finishReasons: ["error"],
      });
    }
    assertEquals(sim.steps, 0);
  });
});

Deno.test("InfiniLM: an error in a stream is one chunk, in text and delta, then [DONE]", async () => {
  await withInfiniLm({}, async (sim) => {
    const { body } = await post(sim, chat("x", { temperature: "a", stream: true }));
    const words = "\\[Error: could not convert string to float: 'a'\\]";
    assertMatch(
      body,
      new RegExp(
        `"choices": \\[{"index": 0, "text": "${words}", "delta": {"content": "${words}"}, ` +
          `"logprobs": null, "finish_reason": "error"}\\]}\n\ndata: \\[DONE\\]\n\n$`,
      ),
    );
  });
});

Deno.test("InfiniLM: what it does not heed changes nothing, whatever its type", async () => {
  await withInfiniLm({}, async (sim) => {
    const plain = readWhole(await post(sim, chat(OPENING)));
    const ignored = [
      { temperature: -5 },
      { temperature: null, top_p: null, top_k: null },
      { model: 5 },
      { model: "no such model" },
      { n: 2 },
      { stream_options: { include_usage: true } },
      { kv_transfer_params: 5 },
      { chat_template_kwargs: 5 },
      { sampling_params: 5 },
      { sampling_params: { max_tokens: 2 } },
      { seed: "x", tools: 5, response_format: 1, logprobs: "a", user: [] },
    ];
    for (const more of ignored) {
      assertEquals(readWhole(await post(sim, chat(OPENING, more))), plain, JSON.stringify(more));
    }
    const nan = JSON.stringify(chat(OPENING)).replace("{", '{"temperature":NaN,');
    assertEquals(readWhole(await post(sim, nan)), plain);
    assertEquals(JSON.parse((await post(sim, chat("x", { model: "any" }))).body).model, "stub-7b");
  });
});

Deno.test("InfiniLM: a limit by another name is not read: the server's 512 holds", async () => {
  await withInfiniLm({}, async (sim) => {
    const others = [
      { max_completion_tokens: 2 },
      { max_new_tokens: 2 },
      { sampling_params: { max_new_tokens: 2 } },
      {},
    ];
    for (const more of others) {
      const { why, usage } = readWhole(await post(sim, chat("x", { max_tokens: null, ...more })));
      assertEquals([why, usage.completion_tokens], ["length", 512]);
    }
    const nested = { max_tokens: null, sampling_params: { max_tokens: 2 } };
    assertEquals(readWhole(await post(sim, chat("x", nested))).usage.completion_tokens, 2);
  });
});

Deno.test("InfiniLM: max_tokens N gives N - 1 tokens of text, and counts N", async () => {
  await withInfiniLm({}, async (sim) => {
    const cases = [[3, "a b", 3], ["3", "a b", 3], [2.9, "a", 2], [true, "", 1], [1, "", 1], [
      -1,
      "",
      1,
    ], [-7, "", 1]] as const;
    for (const [max_tokens, text, completion_tokens] of cases) {
      const whole = readWhole(await post(sim, chat(OPENING, { max_tokens })));
      const prompt_tokens = STUB_PROMPT_TOKENS;
      const total_tokens = prompt_tokens + completion_tokens;
      assertEquals(whole, {
        text,
        why: "length",
        usage: { prompt_tokens, completion_tokens, total_tokens },
      });
      const stream = readStream(await post(sim, chat(OPENING, { max_tokens, stream: true })));
      assertEquals(stream, {
        texts: text === "" ? [] : text.split(/(?= )/),
        finishReasons: ["length"],
      });
    }
  });
});

Deno.test("InfiniLM: stream is what Python takes for true", async () => {
  await withInfiniLm({}, async (sim) => {
    const cases = [[true, [true, "false", 1, "yes", [0]]], [false, [false, 0, null, [], {}, ""]]];
    for (const [streams, values] of cases as [boolean, unknown[]][]) {
      for (const stream of values) {
        const { headers } = await post(sim, chat("x", { stream }));
        const type = headers.get("content-type");
        assertEquals(type?.startsWith("text/event-stream"), streams, JSON.stringify(stream));
      }
    }
  });
});

Deno.test("InfiniLM: a byte order mark before the JSON, and a body of megabytes, are taken", async () => {
  await withInfiniLm({ kv: "paged" }, async (sim) => {
    assertEquals((await post(sim, `\ufeff${JSON.stringify(chat("x"))}`)).status, 200);
    assertEquals((await post(sim, chat("x".repeat(5_000_000)))).status, 200);
  });
});
