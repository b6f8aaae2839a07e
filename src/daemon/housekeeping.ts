import type { Clock } from "../shared/clock.js";

const roundMs = 60_000;

/** Runs `chores` every minute until the signal aborts; resolves then. A chore that throws is told to `failed` and tried again. */
export async function keepHouse(
  clock: Clock,
  chores: readonly (() => void)[],
  failed: (error: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  while (await slept(clock, signal)) {
    for (const chore of chores) {
      try {
        chore();
      } catch (error) {
        failed(error);
      }
    }
  }
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
