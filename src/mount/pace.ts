import type { Clock } from "../shared/clock.js";
import type { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import { fitsTheDriver, wireBytes } from "./deliverable.js";
import type { MountedFile } from "./mount-spec.js";

/** Milliseconds that one Mount's files may keep all others waiting, before those get their turn. */
const turnMs = 5;

export interface PaceParts {
  clock: Clock;
  scheduler: EventLoopScheduler;
  /** Kubernetes namespace: the unit of fairness. */
  tenant: string;
  /** Bytes a response may have on the wire. */
  responseBytes: number;
  /** Told of so many bytes of files that were made. Throws `limit_exceeded`. */
  made: (bytes: number) => void;
}

/**
 * Keeps the making of a Mount's files within bounds: others have their turn in between, one namespace after another, and
 * it ends when far more has been made than one answer can hold.
 */
export class Pace {
  readonly #parts: PaceParts;
  readonly #made: MountedFile[] = [];
  #bytes = 0;
  #since: number;

  constructor(parts: PaceParts) {
    this.#parts = parts;
    this.#since = parts.clock.monotonic();
  }

  /** Takes note of an object's files. Throws `limit_exceeded`; what is made twice, of former answers, has room for both. */
  keep(files: readonly MountedFile[]): void {
    const { responseBytes, made } = this.#parts;
    const bytes = files.reduce((sum, { contents }) => sum + contents.reveal().length, 0);
    made(bytes);
    this.#made.push(...files);
    this.#bytes += wireBytes(files);
    if (this.#bytes > 2 * responseBytes) fitsTheDriver(this.#made, responseBytes);
  }

  /** Comes before each object, whatever became of the one before: waiting for Vault, too, has been time of others. */
  async turn(): Promise<void> {
    const { clock, scheduler, tenant } = this.#parts;
    if (clock.monotonic() - this.#since < turnMs) return;
    await scheduler.turn(tenant);
    this.#since = clock.monotonic();
  }
}
