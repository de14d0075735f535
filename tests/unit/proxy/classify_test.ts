import { assert, assertEquals } from "@std/assert";
import type { Outcome, Phase } from "../../../src/outcome.ts";
import { judgeFailure, type Next } from "../../../src/proxy/classify.ts";
import { Cutoff, type CutoffCause } from "../../../src/proxy/cutoff.ts";
import { UpstreamError, type UpstreamErrorKind } from "../../../src/upstream/upstream_error.ts";

interface Failure {
  kind: UpstreamErrorKind;
  phase: Phase;
  delivered?: boolean;
  cause?: CutoffCause;
}

type Judged = ReturnType<typeof judgeFailure>;

function verdict({ kind, phase, delivered = false, cause }: Failure): Judged {
  const error = Object.assign(new UpstreamError(kind, "the reason", { phase }), { delivered });
  const cutoff = new Cutoff();
  if (cause !== undefined) cutoff.cut(cause);
  return judgeFailure(error, { backend: "b1", cutoff });
}

const VERDICTS: [failure: Failure, code: string, next: Next, outcome: Outcome][] = [
  [{ kind: "refused", phase: "connect" }, "upstream_connect", "elsewhere", { kind: "refused" }],
  [{ kind: "unreachable", phase: "connect" }, "upstream_connect", "elsewhere", { kind: "refused" }],
  [{ kind: "timeout", phase: "connect" }, "upstream_connect_timeout", "elsewhere", {
    kind: "timed_out",
    phase: "connect",
  }],
  [{ kind: "reset", phase: "write" }, "upstream_broken", "elsewhere", {
    kind: "broke",
    phase: "write",
  }],
  [{ kind: "closed", phase: "write" }, "upstream_broken", "elsewhere", {
    kind: "broke",
    phase: "write",
  }],
  [{ kind: "closed", phase: "head", delivered: true }, "upstream_broken", "once", {
    kind: "broke",
    phase: "head",
  }],
  [{ kind: "reset", phase: "head", delivered: true }, "upstream_broken", "once", {
    kind: "broke",
    phase: "head",
  }],
  [{ kind: "closed", phase: "body", delivered: true }, "upstream_broken", "once", {
    kind: "broke",
    phase: "body",
  }],
  [{ kind: "bad_answer", phase: "head", delivered: true }, "upstream_bad_answer", "stop", {
    kind: "broke",
    phase: "head",
  }],
  [
    { kind: "aborted", phase: "head", delivered: true, cause: "client_left" },
    "client_closed",
    "stop",
    { kind: "client_left", phase: "head" },
  ],
  [{ kind: "aborted", phase: "connect", cause: "client_left" }, "client_closed", "stop", {
    kind: "client_left",
    phase: "connect",
  }],
  [
    { kind: "aborted", phase: "body", delivered: true, cause: "client_stalled" },
    "client_closed",
    "stop",
    { kind: "client_left", phase: "body" },
  ],
  [
    { kind: "aborted", phase: "head", delivered: true, cause: "request" },
    "upstream_timeout",
    "stop",
    { kind: "timed_out", phase: "head" },
  ],
  [{ kind: "aborted", phase: "write", cause: "request" }, "upstream_timeout", "stop", {
    kind: "timed_out",
    phase: "write",
  }],
  [
    { kind: "aborted", phase: "body", delivered: true, cause: "request" },
    "upstream_timeout",
    "stop",
    { kind: "timed_out", phase: "body" },
  ],
  [
    { kind: "aborted", phase: "body", cause: "idle" },
    "upstream_idle_timeout",
    "stop",
    { kind: "timed_out", phase: "body" },
  ],
  [
    { kind: "aborted", phase: "body", cause: "total" },
    "upstream_total_timeout",
    "stop",
    { kind: "timed_out", phase: "body" },
  ],
  // A socket that breaks just after we cut is not the backend's fault.
  [
    { kind: "reset", phase: "head", delivered: true, cause: "client_left" },
    "client_closed",
    "stop",
    { kind: "client_left", phase: "head" },
  ],
];

for (const [failure, code, next, outcome] of VERDICTS) {
  Deno.test(`a failure is judged as ${code}, ${next} for ${JSON.stringify(failure)}`, () => {
    const found = verdict(failure);
    assertEquals([found.error.code, found.next, found.outcome], [code, next, outcome]);
    assert(found.error.cause instanceof UpstreamError);
  });
}

Deno.test("a failure blames no backend for what this process lacks", () => {
  const { outcome, next } = verdict({ kind: "local", phase: "connect" });
  assertEquals([outcome.kind, next], ["router_failed", "stop"]);
});

Deno.test("a failure names the backend, and the limit that ran out", () => {
  for (
    const failure of [
      { kind: "refused", phase: "connect" },
      { kind: "reset", phase: "head" },
      { kind: "bad_answer", phase: "head" },
      { kind: "aborted", phase: "head", cause: "request" },
    ] as Failure[]
  ) {
    const { error: { message } } = verdict(failure);
    assert(message.includes("b1"), message);
    if (failure.cause !== undefined) assert(message.includes(`timeouts.${failure.cause}`), message);
  }
});
