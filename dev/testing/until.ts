import { setTimeout as sleep } from "node:timers/promises";

/** Longer than any wait on a machine that is busy with something else, and shorter than a test may take. */
const mostMs = 15_000;

/** The same, for `vi.waitFor`. */
export const patience = { timeout: mostMs };

/** Waits until it gives something truthy, and returns that. Unlike `vi.waitUntil` it does not take a busy second for a failure. */
export async function until<T>(condition: () => T | Promise<T>, intervalMs = 5): Promise<T> {
  for (const end = performance.now() + mostMs; performance.now() < end; await sleep(intervalMs)) {
    const given = await condition();
    if (given) return given;
  }
  throw new Error(`not within ${mostMs / 1_000} s: ${condition.toString()}`);
}
