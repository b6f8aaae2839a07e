/** Names that are remembered. */
const mostNames = 4_096;

/**
 * When copies ended, by a name that they share or their id: what was read until then is no copy any more. Times are of
 * `Clock.monotonic()`. The oldest end is forgotten for a new one, and then stands for every name.
 */
export class CopyEnds {
  readonly #ends = new Map<string, number>();
  /** Everything that was read until then has ended. */
  #floor = Number.NEGATIVE_INFINITY;

  record(name: string, at: number): void {
    this.#ends.delete(name);
    this.#ends.set(name, at);
    const [oldest] = this.#ends;
    if (!oldest || this.#ends.size <= mostNames) return;
    this.#ends.delete(oldest[0]);
    this.#floor = Math.max(this.#floor, oldest[1]);
  }

  /** Everything has ended, and what is read from now on ends with it. */
  recordAll(): void {
    this.#floor = Number.POSITIVE_INFINITY;
  }

  /** Whether what bears one of the names, and was read then, has ended. */
  cover(names: readonly string[], readAt: number): boolean {
    return readAt <= Math.max(this.#floor, ...names.map((name) => this.#ends.get(name) ?? Number.NEGATIVE_INFINITY));
  }
}
