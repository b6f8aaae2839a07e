import type { Clock } from "../shared/clock.js";

const roundMs = 60_000;

/** Runs `chores` now and every minute, until the signal aborts; resolves then. A chore that fails is told to `failed` and tried again. */
export async function keepHouse(
  clock: Clock,
  chores: readonly (() => unknown)[],
  failed: (error: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  do {
    for (const chore of chores) {
      try {
        await chore();
      } catch (error) {
        if (!signal.aborted) failed(error);
      }
    }
  } while (await slept(clock, signal));
}

async function slept(clock: Clock, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(roundMs, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
