const second = 1000;
const minute = 60 * second;

/** Milliseconds after so many failures in a row: the shortest after the first, twice as much after each other, up to the longest. */
export function doubled(shortestMs: number, longestMs: number, failures: number): number {
  return Math.min(longestMs, shortestMs * 2 ** (failures - 1));
}

/** Up to a quarter shorter or longer, so that those who failed together do not come back together. `draw` is in [0, 1). */
export function spread(ms: number, draw: number): number {
  return ms * (0.75 + 0.5 * draw);
}

/**
 * How long what failed rests, such as a renewal, a revocation, a question about a pod: fully jittered below a ceiling that doubles from 5 s to 5 min, and before
 * that as long as Vault asks (`requestedMs`), up to 5 min; never more than a quarter of the `leftMs` there are, never less than a
 * second. Past its end nothing is urgent any more. `draw` is in [0, 1).
 */
export function backoff(failures: number, leftMs: number, draw: number, requestedMs = 0): number {
  const ceiling = doubled(5 * second, 5 * minute, failures);
  const wantedMs = Math.min(requestedMs, 5 * minute) + draw * ceiling;
  return Math.max(second, leftMs > 0 ? Math.min(wantedMs, leftMs / 4) : wantedMs);
}
