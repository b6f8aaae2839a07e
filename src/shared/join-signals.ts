import { setMaxListeners } from "node:events";
import type { Clock } from "./clock.js";

/**
 * One signal that aborts with the first of several, and a release that lets go of them.
 * `AbortSignal.any` keeps a listener on a long-lived signal for every join; this does not, once released.
 */
export function joinSignals(...signals: readonly AbortSignal[]): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // A call may ask for a hundred objects at once, each listening.
  const listeners = signals.map((signal) => {
    const abort = () => controller.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    return () => signal.removeEventListener("abort", abort);
  });
  const aborted = signals.find((signal) => signal.aborted);
  if (aborted) controller.abort(aborted.reason);
  return { signal: controller.signal, release: () => listeners.forEach((remove) => remove()) };
}

/** A signal that also aborts after `ms` with what `reason` makes; `release` ends the waiting. */
export function withDeadline(
  signal: AbortSignal,
  ms: number,
  reason: () => Error,
  clock: Clock,
): { signal: AbortSignal; release: () => void } {
  const deadline = new AbortController();
  const timer = clock.timer(ms, () => deadline.abort(reason()));
  const joined = joinSignals(signal, deadline.signal);
  return {
    signal: joined.signal,
    release: () => {
      timer.close();
      joined.release();
    },
  };
}

/** Settles like `work`, or rejects with the signal's reason as soon as it aborts: one waiter gives up, the work goes on. */
export function raceAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
