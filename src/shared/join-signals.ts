import type { Clock } from "./clock.js";
import { LeanAbortController } from "./lean-abort-controller.js";

export interface JoinedSignals {
  signal: AbortSignal;
  /** Aborts the signal itself, and none of those that it joins. */
  abort: (reason: unknown) => void;
  /** Lets go of those that it joins. */
  release: () => void;
}

/**
 * One signal that aborts with the first of several. `AbortSignal.any` keeps a listener on a long-lived signal for every
 * join; this does not, once released.
 */
export function joinSignals(...signals: readonly AbortSignal[]): JoinedSignals {
  const controller = new LeanAbortController();
  const abort = (reason: unknown) => controller.abort(reason);
  const listeners = signals.map((signal) => {
    const pass = () => abort(signal.reason);
    signal.addEventListener("abort", pass, { once: true });
    return () => signal.removeEventListener("abort", pass);
  });
  const aborted = signals.find((signal) => signal.aborted);
  if (aborted) abort(aborted.reason);
  return { signal: controller.signal, abort, release: () => listeners.forEach((remove) => remove()) };
}

/** A signal that also aborts after `ms` with what `reason` makes; `release` ends the waiting. */
export function withDeadline(signal: AbortSignal, ms: number, reason: () => Error, clock: Clock): JoinedSignals {
  const joined = joinSignals(signal);
  const timer = clock.timer(ms, () => joined.abort(reason()));
  const release = () => {
    timer.close();
    joined.release();
  };
  return { ...joined, release };
}

/**
 * Settles like `work`, or rejects with the signal's reason as soon as it aborts: one waiter gives up, the work goes on. `ended` is
 * called once, before it settles.
 */
export function raceAbort<T>(work: Promise<T>, signal: AbortSignal, ended?: () => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let isOver = false;
    const end = () => {
      if (isOver) return false; // What came first counts.
      isOver = true;
      signal.removeEventListener("abort", abort);
      ended?.();
      return true;
    };
    const abort = () => {
      if (end()) reject(signal.reason as Error);
    };
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    work.then(
      (value) => {
        if (end()) resolve(value);
      },
      (reason: Error) => {
        if (end()) reject(reason);
      },
    );
  });
}
