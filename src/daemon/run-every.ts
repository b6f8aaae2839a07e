import type { Clock } from "../shared/clock.js";

/**
 * Runs `tasks` now and then every `intervalMs`, until the signal aborts; resolves then. A task that fails is reported to `failed`
 * and tried again.
 */
export async function runEvery(
  clock: Clock,
  intervalMs: number,
  tasks: readonly (() => unknown)[],
  failed: (error: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  do {
    for (const task of tasks) {
      try {
        await task();
      } catch (error) {
        if (!signal.aborted) failed(error);
      }
    }
  } while (await slept(clock, intervalMs, signal));
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
