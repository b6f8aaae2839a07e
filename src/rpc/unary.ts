import type { handleUnaryCall, Metadata, ServerUnaryCall } from "@grpc/grpc-js";
import type { Clock } from "../shared/clock.js";
import { type ErrorCode, ProviderError } from "../shared/errors.js";
import { raceAbort, withDeadline } from "../shared/join-signals.js";
import { LeanAbortController } from "../shared/lean-abort-controller.js";
import type { OpenCalls } from "./open-calls.js";
import { finalStatus } from "./status.js";

/** A call under way. */
export interface Call<Response, Summary> {
  response: Promise<Response>;
  /** What is known of the call by now; asked for once, when it has ended, whether answered or not. */
  summary: () => Summary;
}

/** What a call came to. */
export interface CallEnd<Summary> {
  code: "ok" | ErrorCode;
  durationMs: number;
  error?: ProviderError;
  /** `undefined` where the method was not reached, or threw at once. */
  summary: Summary | undefined;
}

/** `left` aborts when the answer has been sent, or its caller is gone. */
type Method<Request, Response, Summary> = (
  request: Request,
  signal: AbortSignal,
  left: AbortSignal,
) => Call<Response, Summary>;

export interface Edge {
  calls: OpenCalls;
  clock: Clock;
}

/** The longest a call may take: below the two minutes kubelet gives a volume, also for callers that set no limit. */
const longestCallMs = 90_000;

/** How long before the caller gives up we do, so that we name the failure, and with a final code. */
const leadMs = 2_000;

/** Made once: an `abort` without a reason makes an exception with its stack, which takes longer than the rest of it. */
const streamClosed = new Error("the stream is closed");

/**
 * A method as a handler of grpc-js. It answers exactly once, with a final code, for every behaviour of the method: the
 * signal aborts with one of our errors when the caller has gone, time is up, or we stop, and the answer does not wait
 * for a method that ignores it. `trailersOf` gives what goes out with the answer.
 */
export function unary<Request, Response, Summary>(
  method: Method<Request, Response, Summary>,
  edge: Edge,
  ended: (end: CallEnd<Summary>) => void,
  trailersOf?: (summary: Summary) => Metadata | undefined,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const started = edge.clock.monotonic();
    const left = new LeanAbortController();
    call.on("cancelled", () => left.abort(streamClosed)); // After a normal end, too.
    let summary: (() => Summary) | undefined; // Not the whole call: its response would live as long as the stream.
    const begin = (request: Request, signal: AbortSignal) => {
      const underWay = method(request, signal, left.signal);
      summary = underWay.summary;
      return underWay.response;
    };
    const report = (code: CallEnd<Summary>["code"], known: Summary | undefined, error?: ProviderError) => {
      const durationMs = edge.clock.monotonic() - started;
      ended({ code, durationMs, summary: known, ...(error && { error }) });
    };
    const answer = edge.calls.run(() => limited(call, begin, edge));
    answer.then(
      (response) => {
        const known = summary?.();
        callback(null, response, known && trailersOf?.(known));
        report("ok", known);
      },
      (reason: unknown) => {
        const error = ProviderError.from(reason);
        callback(finalStatus(error));
        report(error.code, summary?.(), error);
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
  const budgetMs = timeLeft(call, clock);
  const late = () =>
    new ProviderError(
      "deadline_exceeded",
      `keymount had no answer within ${(budgetMs / 1_000).toFixed(1)} s, the time it was given; the kubelet tries again`,
    );
  const { signal, abort, release } = withDeadline(calls.aborted, budgetMs, late, clock);
  const giveUp = () => abort(new ProviderError("cancelled", "the caller gave up"));
  call.on("cancelled", giveUp);
  try {
    return await raceAbort(method(call.request, signal), signal);
  } finally {
    call.off("cancelled", giveUp); // grpc-js says so after a normal end, too.
    release();
  }
}

function timeLeft(call: { getDeadline(): Date | number }, clock: Clock): number {
  const untilCallerGivesUp = Math.max(0, Number(call.getDeadline()) - clock.wall());
  return Math.min(longestCallMs, untilCallerGivesUp - Math.min(leadMs, untilCallerGivesUp / 2));
}
