import type { Engine } from "./engine.ts";
import { InfiniLmEngine } from "./infinilm_engine.ts";
import { OpenAiEngine } from "./openai_engine.ts";
import type { SimOptions } from "./sim_options.ts";

/** The engine that is asked for, with what nobody said filled in. */
export function newEngine(options: SimOptions): Engine {
  const common = {
    timeToFirstTokenMs: options.timeToFirstTokenMs ?? 20,
    tokensPerSecond: options.tokensPerSecond ?? 200,
    jitter: options.jitter ?? 0,
    seed: options.seed ?? 1,
  };
  const models = options.models ?? ["sim"];
  if (options.engine === "infinilm") {
    return new InfiniLmEngine({
      ...common,
      model: models[0] ?? "sim",
      kv: options.kv ?? "static",
      prefillTokensPerSecond: options.prefillTokensPerSecond ?? 0,
      maxTokens: options.maxTokens ?? 512,
      eosAfter: options.eosAfter ?? 0,
      requestTimeoutMs: options.requestTimeoutMs ?? 1_000_000,
      tokenTimeoutMs: options.tokenTimeoutMs ?? 100_000,
    });
  }
  return new OpenAiEngine({
    ...common,
    models,
    concurrency: options.concurrency ?? 0,
    maxTokens: options.maxTokens ?? 16,
    apiKey: options.apiKey,
  });
}
