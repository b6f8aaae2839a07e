import type { Clock, Timer } from "../../src/shared/clock.js";

interface Sleeper {
  at: number;
  isTimer?: true;
  wake: () => void;
}

/** A clock that stands still until `advance`; sleepers wake in order, each seeing the time it asked for. */
export class FakeClock implements Clock {
  #now = 0;
  #epoch: number;
  #sleepers: Sleeper[] = [];

  constructor(epoch = Date.parse("2026-01-01T00:00:00Z")) {
    this.#epoch = epoch;
  }

  wall(): number {
    return this.#epoch + this.#now;
  }

  /** Shifts the wall clock by `byMs`, as an administrator or NTP would. */
  setWall(byMs: number): void {
    this.#epoch += byMs;
  }

  monotonic(): number {
    return this.#now;
  }

  /** How many are asleep; timers are none of them. */
  get sleepers(): number {
    return this.#sleepers.filter(({ isTimer }) => !isTimer).length;
  }

  /** How many timers have neither fired nor been closed. */
  get timers(): number {
    return this.#sleepers.length - this.sleepers;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        signal.removeEventListener("abort", abort);
      };
      const abort = () => {
        leave();
        reject(signal.reason as Error);
      };
      const sleeper: Sleeper = {
        at: this.#now + Math.max(0, ms),
        wake: () => {
          leave();
          resolve();
        },
      };
      this.#sleepers.push(sleeper);
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  timer(ms: number, then: () => void): Timer {
    const close = () => (this.#sleepers = this.#sleepers.filter((other) => other !== sleeper));
    const sleeper: Sleeper = { isTimer: true, at: this.#now + ms, wake: () => (close(), then()) };
    this.#sleepers.push(sleeper);
    return { refresh: () => (sleeper.at = this.#now + ms), close };
  }

  /** Lets `ms` pass; what sleepers do on waking is awaited as far as it needs no real IO. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await settle();
      const next = this.#sleepers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
    this.#now = until;
    await settle();
  }

  /** Lets time pass while `work` goes on: 20 ms of it for each turn that real IO takes, so that no timeout comes early. */
  async during<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const over = () => (isOver = true);
    void work.then(over, over);
    while (!isOver) {
      await this.advance(20);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return work;
  }
}

/** Lets promise jobs and immediates run out. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
