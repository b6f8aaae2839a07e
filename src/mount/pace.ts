import { setImmediate } from "node:timers/promises";
import type { Clock } from "../shared/clock.js";
import { fitsTheDriver } from "./deliverable.js";
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

  /** Comes after each object. Throws `limit_exceeded`; files that are made twice, of former answers, have room for both. */
  async keep(files: readonly MountedFile[]): Promise<void> {
    this.#made.push(...files);
    this.#bytes += files.reduce((sum, { contents }) => sum + contents.reveal().length, 0);
    if (this.#bytes > 2 * this.#responseBytes) fitsTheDriver(this.#made, this.#responseBytes);
    if (this.#clock.monotonic() - this.#since < turnMs) return;
    await setImmediate();
    this.#since = this.#clock.monotonic();
  }
}
