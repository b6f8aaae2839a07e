import type { Clock } from "../shared/clock.js";
import { joinSignals } from "../shared/join-signals.js";

/** A signal that also aborts when the time it was last allowed has passed. */
export class IdleSignal {
  readonly signal: AbortSignal;
  readonly #idle = new AbortController();
  readonly #released = new AbortController();
  #sleep = new AbortController();
  readonly #clock: Clock;
  readonly #releaseJoined: () => void;
  #ms: number;
  /** `Clock.monotonic()` */
  #until: number;

  constructor(signal: AbortSignal, ms: number, reason: () => Error, clock: Clock) {
    const joined = joinSignals(signal, this.#idle.signal);
    this.signal = joined.signal;
    this.#releaseJoined = joined.release;
    this.#clock = clock;
    this.#ms = ms;
    this.#until = clock.monotonic() + ms;
    this.#wait().then(
      () => this.#idle.abort(reason()),
      () => undefined,
    );
  }

  /** So long from now on. */
  allow(ms: number): void {
    this.#ms = ms;
    this.renew();
    this.#sleep.abort();
  }

  /** Restarts the allowance; cheap, since it sets no timer. */
  renew(): void {
    this.#until = this.#clock.monotonic() + this.#ms;
  }

  release(): void {
    this.#released.abort();
    this.#sleep.abort();
    this.#releaseJoined();
  }

  /** Rejects when it is released. */
  async #wait(): Promise<void> {
    for (let left = this.#ms; left > 0; left = this.#until - this.#clock.monotonic()) {
      this.#sleep = new AbortController();
      await this.#clock.sleep(left, this.#sleep.signal).catch(() => this.#released.signal.throwIfAborted());
    }
  }
}
