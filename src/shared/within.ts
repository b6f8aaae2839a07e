import type { Clock } from "./clock.js";

/** The result of `work`, or "too late" once `ms` have passed. The work then goes on; its failure is ignored. */
export function within<T>(ms: number, work: Promise<T>, clock: Clock): Promise<T | "too late"> {
  return new Promise((resolve, reject) => {
    const timer = clock.timer(ms, () => resolve("too late"));
    work.then(resolve, reject).finally(() => timer.close());
  });
}
