import { joinSignals } from "../shared/join-signals.js";

/** A signal that also aborts when it is not renewed for so long. */
export class IdleSignal {
  readonly signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #release: () => void;

  constructor(signal: AbortSignal, ms: number, reason: () => Error) {
    const idle = new AbortController();
    const joined = joinSignals(signal, idle.signal);
    this.signal = joined.signal;
    this.#release = joined.release;
    this.#timer = setTimeout(() => idle.abort(reason()), ms);
  }

  renew(): void {
    this.#timer.refresh();
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#release();
  }
}
