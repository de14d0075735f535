import { assertEquals } from "@std/assert";
import { RawClient, rawPost } from "../../support/raw_client.ts";
import { chat, get, post, withInfiniLm } from "./infinilm_client.ts";

Deno.test("InfiniLM: what is not one of its routes is 404, exactly as spelt", async () => {
  await withInfiniLm({}, async (sim) => {
    const targets = "/v1/completions /completions /v1/embeddings /tokenize /v1/models/stub-7b " +
      "/metrics /version / //v1/models /v1//models /V1/models /../v1/models /v1/health /health%23f " +
      "/v1/%2e%2e/health /health#f http://x/health";
    for (const target of targets.split(" ")) {
      const { status, body } = await get(sim, target);
      assertEquals([status, body], [404, '{"detail":"Not Found"}'], target);
    }
    const { status, body } = await post(sim, chat("x"), "/v1/completions");
    assertEquals([status, body], [404, '{"detail":"Not Found"}']);
  });
});

Deno.test("InfiniLM: the routes there are, and FastAPI's own", async () => {
  await withInfiniLm({}, async (sim) => {
    for (const path of ["/health", "/models", "/v1/models", "/docs", "/redoc", "/openapi.json"]) {
      const { status, headers } = await get(sim, path);
      assertEquals([status, headers.get("server")], [200, "uvicorn"], path);
    }
    assertEquals((await get(sim, "/health")).body, '{"status":"healthy"}');
    assertEquals((await get(sim, "/%76%31/models")).status, 200);
  });
});

Deno.test("InfiniLM: a wrong method is 405 with the right one, HEAD and unknown ones too", async () => {
  await withInfiniLm({}, async (sim) => {
    const cases = [
      ["GET", "/v1/chat/completions", "POST"],
      ["POST", "/health", "GET"],
      ["HEAD", "/health", "GET"],
      ["HEAD", "/v1/models", "GET"],
      ["FOO", "/models", "GET"],
      ["get", "/health", "GET"],
    ] as const;
    for (const [method, path, allow] of cases) {
      const { status, headers, body } = await get(sim, path, method);
      assertEquals([status, headers.get("allow")], [405, allow], `${method} ${path}`);
      assertEquals(body, method === "HEAD" ? "" : '{"detail":"Method Not Allowed"}');
    }
  });
});

Deno.test("InfiniLM: a slash at the end is redirected away, to the Host that was named", async () => {
  await withInfiniLm({}, async (sim) => {
    const cases = [
      [await get(sim, "/health/?a=b"), "http://x/health?a=b"],
      [await post(sim, chat("x"), "/v1/chat/completions/"), "http://router/v1/chat/completions"],
    ] as const;
    for (const [{ status, headers, body }, location] of cases) {
      assertEquals([status, headers.get("location"), body], [307, location, ""]);
    }
  });
});

Deno.test("InfiniLM: what is not HTTP, or has no Host, is refused in plain text", async () => {
  await withInfiniLm({}, async (sim) => {
    const requests = [
      "nonsense\r\n\r\n",
      "GET /health HTTP/1.1\r\n\r\n",
      "POST /health HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    ];
    for (const request of requests) {
      using client = await RawClient.connect(sim.port);
      await client.write(request);
      assertEquals(
        await client.rest(),
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n" +
          "Connection: close\r\n\r\nInvalid HTTP request received.",
      );
    }
  });
});

Deno.test("InfiniLM: chunked wins over a length", async () => {
  await withInfiniLm({}, async (sim) => {
    using client = await RawClient.connect(sim.port);
    const body = JSON.stringify(chat("x"));
    await client.write(
      "POST /chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n" +
        `transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    );
    assertEquals((await client.answer()).status, 200);
  });
});

Deno.test("InfiniLM: an HTTP/1.0 stream has no chunks and ends with its connection", async () => {
  await withInfiniLm({}, async (sim) => {
    using client = await RawClient.connect(sim.port);
    const request = rawPost("/chat/completions", JSON.stringify(chat("x", { stream: true })));
    await client.write(request.replace("HTTP/1.1\r\nhost: router", "HTTP/1.0"));
    const [head = "", ...body] = (await client.rest()).split("\r\n\r\n");
    assertEquals(head.split("\r\n").at(-1), "Connection: close");
    assertEquals(head.includes("chunked"), false);
    assertEquals(body.join("").startsWith("data: {"), true);
    assertEquals(body.join("").endsWith("data: [DONE]\n\n"), true);
  });
});

Deno.test("InfiniLM: odd but legal requests are answered as if nothing were", async () => {
  await withInfiniLm({}, async (sim) => {
    const odd = [
      "expect: 100-continue",
      "content-encoding: gzip",
      "upgrade: h2c",
      "authorization: Bearer x",
      `x-long: ${"y".repeat(70_000)}`,
    ];
    for (const header of odd) {
      using client = await RawClient.connect(sim.port);
      await client.write(rawPost("/chat/completions", JSON.stringify(chat("x")), [header]));
      if (header.startsWith("expect")) await client.until("100 Continue\r\n\r\n");
      assertEquals((await client.answer()).status, 200, header.slice(0, 30));
    }
  });
});

Deno.test("InfiniLM: pipelined requests are answered in order", async () => {
  await withInfiniLm({}, async (sim) => {
    using client = await RawClient.connect(sim.port);
    await client.write(
      rawPost("/chat/completions", JSON.stringify(chat("echo:one"))) +
        "GET /health HTTP/1.1\r\nhost: x\r\n\r\n",
    );
    assertEquals((await client.answer()).body.includes('"content":"one'), true);
    assertEquals((await client.answer()).body, '{"status":"healthy"}');
  });
});

Deno.test("InfiniLM: a connection is closed idle after an answer, never before the first", async () => {
  await withInfiniLm({ idleCloseMs: 20 }, async (sim) => {
    using unused = await RawClient.connect(sim.port);
    using used = await RawClient.connect(sim.port);
    await used.write("GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
    await used.answer();
    assertEquals([await used.rest(), used.end], ["", "fin"]);
    await unused.write("GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
    assertEquals((await unused.answer()).status, 200);
  });
});
