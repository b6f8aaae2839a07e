import type { Clock, Timer } from "../src/shared/clock.js";

interface Sleeper {
  at: number;
  wake: (() => void) | undefined;
}

/** Sleepers wake together in steps of this: a million sleeps cost seconds instead of minutes. */
const stepMs = 10;

/** Time that passes only in `runUntil`, and there as fast as what it wakes is done. */
export class VirtualClock implements Clock {
  #now = 0;
  readonly #epoch = Date.parse("2026-01-01T00:00:00Z");
  /** By the time at which they wake; the times are a binary heap of their own. */
  readonly #sleepers = new Map<number, Sleeper[]>();
  readonly #times: number[] = [];

  wall(): number {
    return this.#epoch + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const abort = () => {
        sleeper.wake = undefined;
        reject(signal!.reason as Error);
      };
      const sleeper = this.#add(ms, () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  timer(ms: number, then: () => void): Timer {
    let sleeper = this.#add(ms, then);
    const close = () => (sleeper.wake = undefined);
    return { close, refresh: () => (close(), (sleeper = this.#add(ms, then))) };
  }

  /** Lets the time pass up to there; whatever sleeps until then wakes in its order. */
  async runUntil(until: number): Promise<void> {
    await settle();
    for (let next = this.#times[0]; next !== undefined && next <= until; next = this.#times[0]) {
      this.#pop();
      this.#now = next;
      const woken = this.#sleepers.get(next)!;
      this.#sleepers.delete(next);
      for (const { wake } of woken) wake?.();
      await settle();
    }
    this.#now = until;
  }

  #add(ms: number, wake: () => void): Sleeper {
    const at = Math.ceil((this.#now + Math.max(1, ms)) / stepMs) * stepMs;
    const sleeper: Sleeper = { at, wake };
    const others = this.#sleepers.get(at);
    if (others) others.push(sleeper);
    else {
      this.#sleepers.set(at, [sleeper]);
      this.#push(at);
    }
    return sleeper;
  }

  #push(time: number): void {
    const heap = this.#times;
    let at = heap.push(time) - 1;
    while (at > 0 && heap[(at - 1) >> 1]! > time) {
      heap[at] = heap[(at - 1) >> 1]!;
      at = (at - 1) >> 1;
    }
    heap[at] = time;
  }

  #pop(): void {
    const heap = this.#times;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child += 1;
      if (child >= heap.length || heap[child]! >= last) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

/** Lets everything that needs no time run out. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
