import { setTimeout as timer } from "node:timers/promises";
import type { Clock, Timer } from "../src/shared/clock.js";

/** Real time, except that a sleep ends at once and advances the clock by its duration. */
export class FastForwardClock implements Clock {
  #ahead = 0;

  wall(): number {
    return Date.now() + this.#ahead;
  }

  monotonic(): number {
    return performance.now() + this.#ahead;
  }

  skip(ms: number): void {
    this.#ahead += ms;
  }

  /** Those of exchanges with real sockets: real. */
  timer(ms: number, then: () => void): Timer {
    return setTimeout(then, ms);
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await timer(1);
    signal.throwIfAborted();
    this.skip(ms);
  }
}
