const second = 1000;
const minute = 60 * second;

/**
 * How long a renewal or revocation that failed rests: fully jittered below a ceiling that doubles from 5 s to 5 min, never
 * more than a quarter of the `leftMs` there are, never less than a second. Past its end nothing is urgent any more. `draw`
 * is in [0, 1).
 */
export function backoff(failures: number, leftMs: number, draw: number): number {
  const ceiling = Math.min(5 * minute, 5 * second * 2 ** Math.min(failures - 1, 10));
  return Math.max(second, Math.min(draw * ceiling, leftMs > 0 ? leftMs / 4 : ceiling));
}
