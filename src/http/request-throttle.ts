import type { Clock } from "../shared/clock.js";

const secondMs = 1_000;

/** Lets each remote address have so many answers a second at once; the others wait for the next second. */
export class RequestThrottle {
  readonly #perSecond: number;
  readonly #clock: Pick<Clock, "monotonic">;
  #counts = new Map<string, number>();
  #until = -Infinity;

  constructor(perSecond: number, clock: Pick<Clock, "monotonic">) {
    this.#perSecond = perSecond;
    this.#clock = clock;
  }

  /** Milliseconds that a request from there has to wait. */
  delayOf(address: string): number {
    const now = this.#clock.monotonic();
    if (now >= this.#until) {
      this.#until = now + secondMs;
      this.#counts = new Map();
    }
    const count = (this.#counts.get(address) ?? 0) + 1;
    this.#counts.set(address, count);
    return count > this.#perSecond ? this.#until - now : 0;
  }
}
