import { raceAbort } from "./join-signals.js";
import { LeanAbortController } from "./lean-abort-controller.js";

interface Running<T> {
  work: Promise<T>;
  waiters: number;
  abort: LeanAbortController;
}

/**
 * Joins concurrent work on one key. Each waiter gives up by itself; when the last one has, the work is aborted, unless
 * it is `lasting` by then: what it makes (a credential) would be lost. Nothing is remembered: the slot empties when the work settles.
 */
export class SingleFlight<T> {
  readonly #running = new Map<string, Running<T>>();

  get size(): number {
    return this.#running.size;
  }

  /** Rejects with the signal's reason as soon as it aborts. */
  run(
    key: string,
    start: (signal: AbortSignal) => Promise<T>,
    { lasting }: { lasting: () => boolean },
    signal: AbortSignal,
  ): Promise<T> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const running = this.#running.get(key) ?? this.#start(key, start);
    running.waiters += 1;
    return raceAbort(running.work, signal, () => {
      running.waiters -= 1;
      if (running.waiters === 0 && !lasting()) this.#abandon(key, running, signal);
    });
  }

  /** Resolves when no work is under way any more, with any outcome. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled([...this.#running.values()].map(({ work }) => work));
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<T>): Running<T> {
    const abort = new LeanAbortController();
    const running: Running<T> = { work: start(abort.signal), waiters: 0, abort };
    this.#running.set(key, running);
    const settled = () => {
      if (this.#running.get(key) === running) this.#running.delete(key);
    };
    running.work.then(settled, settled);
    return running;
  }

  /** A later caller must not join work that is being aborted, so the slot empties at once. */
  #abandon(key: string, running: Running<T>, signal: AbortSignal): void {
    if (this.#running.get(key) !== running) return;
    this.#running.delete(key);
    running.abort.abort(signal.reason);
  }
}
