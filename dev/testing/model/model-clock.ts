import type { Clock, Timer } from "../../../src/shared/clock.js";

/** A clock that is set by hand and never waits: a Mount, which alone sleeps, is the only thing that runs meanwhile. */
export class ModelClock implements Clock {
  /** Called before the time advances. */
  moves: () => void = () => {};
  #now = 0;
  readonly #epoch = Date.parse("2026-01-01T00:00:00Z");

  wall(): number {
    return this.#epoch + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  sleep(ms: number): Promise<void> {
    this.advance(ms);
    return Promise.resolve();
  }

  /** What the model runs ends at once, so that no deadline of it passes. */
  timer(): Timer {
    return { refresh: () => undefined, close: () => undefined };
  }

  advance(ms: number): void {
    this.moves();
    this.#now += ms;
  }
}
