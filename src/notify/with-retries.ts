import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";

/** A program that restarts is there after that, and has read the new files itself. */
const waitsMs: readonly number[] = [1_000, 2_000, 4_000, 8_000];

/** Tries again what failed, a few times and ever later; tells of each failure but the last, which it throws. */
export async function withRetries<T>(
  act: () => Promise<T>,
  { clock, tell }: { clock: Clock; tell: (text: string) => void },
  signal: AbortSignal,
): Promise<T> {
  for (const ms of waitsMs) {
    try {
      return await act();
    } catch (error) {
      signal.throwIfAborted();
      const { code, message } = ProviderError.from(error);
      // That stays so, and what was permitted beside it (another process of the name) would be done again.
      if (code === "permission_denied") throw error;
      tell(`${message}; tried again in ${ms / 1000} s`);
    }
    await clock.sleep(ms, signal);
  }
  return act();
}
