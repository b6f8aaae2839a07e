/** So many acts at once, and one more each `refillMs`; a `now` is monotonic milliseconds. */
export class TokenBucket {
  #left: number;
  #at: number;

  constructor(
    readonly size: number,
    readonly refillMs: number,
    now: number,
  ) {
    this.#left = size;
    this.#at = now;
  }

  take(now: number): boolean {
    this.#left = Math.min(this.size, this.#left + (now - this.#at) / this.refillMs);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
