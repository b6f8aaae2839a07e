import type { Clock } from "./clock.js";

/** What `work` comes to, or "too late" once `ms` have passed. The work goes on then; its failure is nobody's. */
export async function within<T>(ms: number, work: Promise<T>, clock: Clock): Promise<T | "too late"> {
  const inTime = new AbortController();
  const late = clock.sleep(ms, inTime.signal).then(
    () => "too late" as const,
    () => "too late" as const,
  );
  return Promise.race([work, late]).finally(() => inTime.abort());
}
