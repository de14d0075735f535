import { RouterError } from "../errors.ts";
import { type Dialect, type EngineCall, type Prepared, signBody } from "./dialect.ts";
import { InfinilmReading } from "./infinilm_answer.ts";
import { refusalOf, tooDense } from "./infinilm_refusal.ts";
import { editsOf, ignoredIn } from "./infinilm_request.ts";
import { editJson } from "./json_edit.ts";
import { own } from "./json_object.ts";

/** The engine's only route (InfiniLM's inference_server.py). */
const ROUTE = "/v1/chat/completions";
const PATHS: ReadonlySet<string> = new Set(["/chat/completions", "/completions"]);

/** InfiniLM's own server: chat alone, in a form of its own (docs/infinilm.md). */
export const INFINILM: Dialect = {
  onePrompt: true,

  sign: (model) => ({ target: ROUTE, body: signBody(model) }),

  refusal(call, options): RouterError | undefined {
    if (isForeign(call)) return undefined;
    if (!PATHS.has(call.endpoint.path)) {
      return new RouterError(
        "unsupported_by_engine",
        `the engine of this model, InfiniLM, has no ${call.endpoint.path}`,
      );
    }
    if (call.dense) return tooDense();
    const refusal = refusalOf(call.json(), { completion: isCompletion(call), ...options });
    if (refusal !== undefined || !options.strict) return refusal;
    const [ignored] = ignoredIn(call.json());
    return ignored === undefined ? undefined : new RouterError(
      "unsupported_parameter",
      `InfiniLM ignores ${ignored}, and its operator wants that refused (engine_strict)`,
      { param: ignored },
    );
  },

  prepare(call, { streamUpstream }): Prepared {
    const { endpoint, query, body } = call;
    if (isForeign(call)) return { target: endpoint.upstreamPath + query, body };
    const json = call.json();
    const streamed = own(json, "stream") === true;
    const join = streamUpstream && !streamed;
    const ignored = ignoredIn(json);
    return {
      target: ROUTE + query,
      body: editJson(body, editsOf(json, { join })),
      ignored: join ? [...ignored, "usage"] : ignored,
      reading: new InfinilmReading({ completion: isCompletion(call), join }),
    };
  },
};

/** Whether it is no call of the API, and so nothing to be translated. */
function isForeign({ endpoint }: EngineCall): boolean {
  return endpoint.check === "nothing";
}

function isCompletion({ endpoint }: EngineCall): boolean {
  return endpoint.path === "/completions";
}
