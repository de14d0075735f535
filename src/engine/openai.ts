import { type Dialect, signBody } from "./dialect.ts";

/**
 * Engines that speak OpenAI's API as it is. Whatever is whole goes to the client as it comes, comments too:
 * they are there to keep idle limits in front of us from ending the call, which a router that held them
 * back until the first token would undo.
 */
export const OPENAI: Dialect = {
  sign: (model) => ({ target: "/v1/completions", body: signBody(model) }),
  prepare: ({ endpoint, query, body }) => ({ target: endpoint.upstreamPath + query, body }),
};
