import type { Clock } from "../shared/clock.js";
import { fitsTheDriver, wireBytes } from "./deliverable.js";
import type { MountedFile } from "./mount-spec.js";

/** Milliseconds that one Mount's files may keep all others waiting, before those get their turn. */
const turnMs = 5;

/**
 * Keeps the making of a Mount's files within bounds: others have their turn in between, and it ends when far more has been
 * made than one answer can hold.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #responseBytes: number;
  readonly #made: MountedFile[] = [];
  #bytes = 0;
  #since: number;

  constructor(clock: Clock, responseBytes: number) {
    this.#clock = clock;
    this.#responseBytes = responseBytes;
    this.#since = clock.monotonic();
  }

  /** Takes note of an object's files. Throws `limit_exceeded`; what is made twice, of former answers, has room for both. */
  keep(files: readonly MountedFile[]): void {
    this.#made.push(...files);
    this.#bytes += wireBytes(files);
    if (this.#bytes > 2 * this.#responseBytes) fitsTheDriver(this.#made, this.#responseBytes);
  }

  /** Comes after each object, whatever became of it. */
  async pause(): Promise<void> {
    if (this.#clock.monotonic() - this.#since < turnMs) return;
    await nextTurn();
    this.#since = this.#clock.monotonic();
  }
}

/** Mounts that have had their time. There is one event loop, so there is one line for it. */
const waiting: (() => void)[] = [];

/** One Mount goes on in each round of the event loop, however many are at work. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(goOn);
  });
}

function goOn(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(goOn);
}
