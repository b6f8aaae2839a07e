import { uptime } from "node:os";
import { setTimeout as timer } from "node:timers/promises";

/** Time, as a parameter. */
export interface Clock {
  /** Milliseconds since the epoch. */
  wall(): number;
  /** Milliseconds since the node booted, also those it slept through; they never go back. */
  monotonic(): number;
  /** Resolves once `ms` have passed by `monotonic()`, and no sooner; rejects with the signal's reason as soon as the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls `then` about `ms` from now, or from the last `refresh`, unless it was closed. Costs less than `sleep`. */
  timer(ms: number, then: () => void): Timer;
}

/** As Node's own. */
export interface Timer {
  refresh(): unknown;
  close(): unknown;
}

/** Timers of 2³¹ ms or more fire at once. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: sinceBoot(
    () => uptime() * 1000,
    () => performance.now(),
  ),
  sleep: sleepBy(
    () => performance.now(),
    (ms, signal) => timer(ms, undefined, { signal }),
  ),
  timer: (ms, then) => setTimeout(then, Math.min(ms, longestTimerMs)),
};

/**
 * Sleeps the whole time, in timers of which each may end early: Node's cut fractions of a millisecond off, and count from
 * the beginning of the event loop's round (lib/internal/timers.js).
 */
export function sleepBy(running: () => number, timer: (ms: number, signal: AbortSignal) => Promise<void>) {
  return async (ms: number, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    const end = running() + ms;
    for (let left = ms; left > 0; left = end - running()) {
      await timer(Math.min(Math.ceil(left), longestTimerMs), signal).catch((error: unknown) => {
        signal.throwIfAborted();
        throw error;
      });
    }
  };
}

/**
 * Joins a clock that counts from the boot of the node, coarse and dear to ask (`os.uptime`, which is Linux's
 * CLOCK_BOOTTIME), with one that is fine and cheap, but stands still while the node is suspended (CLOCK_MONOTONIC).
 */
export function sinceBoot(boot: () => number, running: () => number): () => number {
  const checkEveryMs = 1_000;
  const coarseMs = 100;
  let ahead = Number.NEGATIVE_INFINITY;
  let checkedAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = running();
    if (now - checkedAt >= checkEveryMs) {
      checkedAt = now;
      const difference = boot() - now;
      if (difference - ahead > coarseMs) ahead = difference;
    }
    return now + ahead;
  };
}
