import { joinSignals } from "../shared/join-signals.js";

/** A signal that also aborts when the time it was last allowed has passed. */
export class IdleSignal {
  readonly signal: AbortSignal;
  readonly #idle = new AbortController();
  readonly #reason: () => Error;
  readonly #release: () => void;
  #timer: NodeJS.Timeout;

  constructor(signal: AbortSignal, ms: number, reason: () => Error) {
    const joined = joinSignals(signal, this.#idle.signal);
    this.signal = joined.signal;
    this.#release = joined.release;
    this.#reason = reason;
    this.#timer = this.#start(ms);
  }

  /** So long from now on. */
  allow(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start(ms);
  }

  /** So long again. */
  renew(): void {
    this.#timer.refresh();
  }

  #start(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#idle.abort(this.#reason()), ms);
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#release();
  }
}
