import type { handleUnaryCall, ServerUnaryCall } from "@grpc/grpc-js";
import type { Clock } from "../shared/clock.js";
import { type ErrorCode, ProviderError } from "../shared/errors.js";
import { abandonable, joinSignals } from "../shared/join-signals.js";
import type { OpenCalls } from "./open-calls.js";
import { finalStatus } from "./status.js";

/** What a call came to: for the one log line, and the metrics. */
export interface CallOutcome {
  method: string;
  code: "ok" | ErrorCode;
  durationMs: number;
  error?: ProviderError;
  facts: CallFacts;
}

/** What a method notes of its call as it learns it, for the same line: fields of the log. */
export type CallFacts = Record<string, unknown>;

/** What belongs to one call: `left` aborts when its answer has left, or nobody waits for it. */
export interface CallContext {
  facts: CallFacts;
  left: AbortSignal;
}

type Method<Request, Response> = (request: Request, signal: AbortSignal, call: CallContext) => Promise<Response>;

export interface Edge {
  calls: OpenCalls;
  clock: Clock;
  report: (outcome: CallOutcome) => void;
}

/** The longest a call may take: below the two minutes kubelet gives a volume, also for callers that set no limit. */
const longestCallMs = 90_000;

/** How long before the caller gives up we do, so that we name the failure, and with a final code. */
const leadMs = 2_000;

/**
 * An async function as a handler of grpc-js. It answers exactly once, with a final code, whatever the method does: the
 * signal aborts with one of our errors when the caller has gone, time is up, or we stop, and the answer does not wait
 * for a method that ignores it.
 */
export function unary<Request, Response>(
  name: string,
  method: Method<Request, Response>,
  edge: Edge,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const started = edge.clock.monotonic();
    const facts: CallFacts = {};
    const report = (code: CallOutcome["code"], error?: ProviderError) =>
      edge.report({ method: name, code, durationMs: edge.clock.monotonic() - started, facts, ...(error && { error }) });
    const left = new AbortController();
    call.on("cancelled", () => left.abort()); // After a normal end, too: when the stream is closed.
    const context = { facts, left: left.signal };
    const answer = edge.calls.run(() => limited(call, (request, signal) => method(request, signal, context), edge));
    answer.then(
      (response) => {
        callback(null, response);
        report("ok");
      },
      (reason: unknown) => {
        const error = ProviderError.from(reason);
        callback(finalStatus(error));
        report(error.code, error);
      },
    );
  };
}

/** The method's answer, or the reason why it is not waited for. */
async function limited<Request, Response>(
  call: ServerUnaryCall<Request, Response>,
  method: (request: Request, signal: AbortSignal) => Promise<Response>,
  { calls, clock }: Edge,
): Promise<Response> {
  const ended = new AbortController();
  const over = new AbortController();
  // grpc-js says "cancelled" after a normal end, too.
  call.on("cancelled", () => over.abort(new ProviderError("cancelled", "the caller gave up")));
  const budgetMs = timeLeft(call, clock);
  clock.sleep(budgetMs, ended.signal).then(
    () => over.abort(new ProviderError("deadline_exceeded", lateMessage(budgetMs))),
    () => {},
  );
  const { signal, release } = joinSignals(over.signal, calls.aborted);
  try {
    return await abandonable(method(call.request, signal), signal);
  } finally {
    ended.abort();
    release();
  }
}

function lateMessage(budgetMs: number): string {
  return `keymount had no answer within ${(budgetMs / 1_000).toFixed(1)} s, the time it was given; the kubelet tries again`;
}

function timeLeft(call: { getDeadline(): Date | number }, clock: Clock): number {
  const untilCallerGivesUp = Math.max(0, Number(call.getDeadline()) - clock.wall());
  return Math.min(longestCallMs, untilCallerGivesUp - Math.min(leadMs, untilCallerGivesUp / 2));
}
