/**
 * Remembers which operations failed and until when they are not to be tried again, so that no caller, however eager,
 * hammers an upstream. Bounded: the oldest failure is forgotten first, which costs one early attempt.
 */
export class Attempts<E> {
  readonly #failed = new Map<string, { failures: number; notBefore: number; error: E }>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The last failure, while it is too early to try again. */
  tooEarly(key: string, now: number): E | undefined {
    const failed = this.#failed.get(key);
    return failed && now < failed.notBefore ? failed.error : undefined;
  }

  /** Records a failure; `delayMs` is told how many there were in a row. */
  failed(key: string, error: E, now: number, delayMs: (failures: number) => number): void {
    const failures = (this.#failed.get(key)?.failures ?? 0) + 1;
    this.#failed.delete(key);
    this.#failed.set(key, { failures, notBefore: now + delayMs(failures), error });
    if (this.#failed.size > this.#capacity) this.#failed.delete(this.#failed.keys().next().value as string);
  }

  succeeded(key: string): void {
    this.#failed.delete(key);
  }
}
