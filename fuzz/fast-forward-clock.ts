import { setTimeout as timer } from "node:timers/promises";
import type { Clock } from "../src/shared/clock.js";

/** Real time, in which whoever sleeps wakes at once and finds that the time has passed. */
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

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await timer(1);
    signal.throwIfAborted();
    this.skip(ms);
  }
}
