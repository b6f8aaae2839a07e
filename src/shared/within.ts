import type { Clock } from "./clock.js";

/** The result of `work`, or "too late" once `ms` have passed. The work then goes on; its failure is ignored. */
export async function within<T>(ms: number, work: Promise<T>, clock: Clock): Promise<T | "too late"> {
  const inTime = new AbortController();
  const late = clock.sleep(ms, inTime.signal).then(
    () => "too late" as const,
    () => "too late" as const,
  );
  return Promise.race([work, late]).finally(() => inTime.abort());
}
