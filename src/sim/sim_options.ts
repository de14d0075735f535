import type { FaultName } from "./behavior.ts";
import type { KvCache } from "./infinilm_engine.ts";

/** Whose API and habits are simulated. */
export type EngineKind = "openai" | "infinilm";

/** How a simulated engine behaves. */
export interface SimOptions {
  /** Address to listen on. Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free one. */
  port?: number;
  /** Default `openai`. */
  engine?: EngineKind;
  /** InfiniLM: how it keeps what it has read. Default `static`, as there. */
  kv?: KvCache;
  /** Names of the models it serves. InfiniLM serves the first. Default: `sim`. */
  models?: string[];
  /** From a call's turn to its first token, in ms; of InfiniLM, a step that reads prompts. Default 20. */
  timeToFirstTokenMs?: number;
  /** InfiniLM: prompt tokens read per second, on top of that. Default 0: in no time. */
  prefillTokensPerSecond?: number;
  /**
   * Tokens per second after the first; of InfiniLM, steps, each a token for one answer (static) or
   * for up to eight (paged). Default 200; 0 = as fast as it can.
   */
  tokensPerSecond?: number;
  /** OpenAI: answers generated at once, further calls wait in order. Default 0: no limit. */
  concurrency?: number;
  /** Share of each delay that is left to chance, 0 to 1. Default 0. */
  jitter?: number;
  /** Decides texts, delays and which calls a fault hits. Default 1. */
  seed?: number;
  /** Tokens of an answer to a call without `max_tokens`. Default 16; InfiniLM 512. */
  maxTokens?: number;
  /** InfiniLM: tokens after which the model ends by itself. Default 0: never. */
  eosAfter?: number;
  /** InfiniLM: a call that takes longer ends with `timeout`, in ms. Default 1 000 000. */
  requestTimeoutMs?: number;
  /** InfiniLM: how often that is looked at while no token comes, in ms. Default 100 000. */
  tokenTimeoutMs?: number;
  /** OpenAI: when set, everything but `/health` needs `authorization: Bearer <key>`. */
  apiKey?: string;
  /** A connection on which no request arrives for so long is closed, in ms. Default 5000. */
  idleCloseMs?: number;
  /** Connections are refused for so long first, as while a model loads, in ms. Default 0. */
  loadMs?: number;
  /** The fault in force from the start. Default `none`. */
  fault?: FaultName;
  /** Share of the calls that the fault hits, 0 to 1. Default 1. */
  faultRate?: number;
  /** Tokens sent before a fault in mid-stream. Default 3. */
  faultAfter?: number;
}
