import type { Clock, Timer } from "../shared/clock.js";
import { joinSignals } from "../shared/join-signals.js";

/** A signal that also aborts when the time it was last allowed has passed. */
export class IdleSignal {
  readonly signal: AbortSignal;
  readonly #clock: Clock;
  readonly #expire: () => void;
  readonly #releaseJoined: () => void;
  #timer: Timer;

  constructor(signal: AbortSignal, ms: number, reason: () => Error, clock: Clock) {
    const joined = joinSignals(signal);
    this.signal = joined.signal;
    this.#clock = clock;
    this.#expire = () => joined.abort(reason());
    this.#releaseJoined = joined.release;
    this.#timer = clock.timer(ms, this.#expire);
  }

  /** So long from now on. */
  allow(ms: number): void {
    this.#timer.close();
    this.#timer = this.#clock.timer(ms, this.#expire);
  }

  /** Restarts the allowance. */
  renew(): void {
    this.#timer.refresh();
  }

  release(): void {
    this.#timer.close();
    this.#releaseJoined();
  }
}
