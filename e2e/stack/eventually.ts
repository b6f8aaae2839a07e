import { setTimeout as sleep } from "node:timers/promises";

/** Tries `act` every 100 ms until it no longer throws; after `timeoutMs`, throws what it threw last. */
export async function eventually<T>(act: () => Promise<T> | T, signal: AbortSignal, timeoutMs = 60_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await act();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await sleep(100, undefined, { signal });
  }
}
