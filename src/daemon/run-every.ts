import type { Clock } from "../shared/clock.js";

/** Runs `chores` now and every `roundMs`, until the signal aborts; resolves then. A chore that fails is told to `failed` and tried again. */
export async function runEvery(
  clock: Clock,
  roundMs: number,
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
  } while (await slept(clock, roundMs, signal));
}

async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
