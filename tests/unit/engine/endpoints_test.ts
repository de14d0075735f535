import { assertEquals } from "@std/assert";
import { ENDPOINTS } from "../../../src/engine/endpoints.ts";

Deno.test("every endpoint has one path upstream, with /v1 except for vLLM's own", () => {
  assertEquals(
    Object.fromEntries(ENDPOINTS.map(({ path, upstreamPath }) => [path, upstreamPath])),
    {
      "/chat/completions": "/v1/chat/completions",
      "/completions": "/v1/completions",
      "/embeddings": "/v1/embeddings",
      "/responses": "/v1/responses",
      "/messages": "/v1/messages",
      "/messages/count_tokens": "/v1/messages/count_tokens",
      "/images/generations": "/v1/images/generations",
      "/audio/speech": "/v1/audio/speech",
      "/rerank": "/rerank",
      "/score": "/score",
      "/classify": "/classify",
      "/tokenize": "/tokenize",
      "/detokenize": "/detokenize",
    },
  );
});

Deno.test("parameters are checked on the two generating endpoints alone", () => {
  const checked = ENDPOINTS.filter(({ check }) => check !== "model_only");
  assertEquals(checked.map(({ path, check }) => [path, check]), [
    ["/chat/completions", "chat"],
    ["/completions", "completion"],
  ]);
});
