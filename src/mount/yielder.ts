import type { Clock } from "../shared/clock.js";
import type { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import { checkResponseSize, wireBytes } from "./response-size.js";
import type { MountedFile } from "./mount-spec.js";

/** Milliseconds that one Mount's files may keep all others waiting, before those get their turn. */
const turnMs = 5;

export interface YielderParts {
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
 * Keeps the rendering of a Mount's files within bounds: others have their turn in between, one namespace after another, and
 * it ends when far more has been made than one answer can hold.
 */
export class Yielder {
  readonly #parts: YielderParts;
  readonly #made: MountedFile[] = [];
  #bytes = 0;
  #since: number;

  constructor(parts: YielderParts) {
    this.#parts = parts;
    this.#since = parts.clock.monotonic();
  }

  /** Counts an object's files. Throws `limit_exceeded`; an object made again, from previous answers, has room for both. */
  add(files: readonly MountedFile[]): void {
    const { responseBytes, made } = this.#parts;
    const bytes = files.reduce((sum, { contents }) => sum + contents.reveal().length, 0);
    made(bytes);
    this.#made.push(...files);
    this.#bytes += wireBytes(files);
    if (this.#bytes > 2 * responseBytes) checkResponseSize(this.#made, responseBytes);
  }

  /**
   * Called before each object, after any outcome of the one before: others also had time while this one waited for Vault. Gives
   * nothing where the object may be made at once.
   */
  turn(): Promise<void> | undefined {
    const { clock, scheduler, tenant } = this.#parts;
    if (clock.monotonic() - this.#since < turnMs) return undefined;
    return scheduler.turn(tenant).then(() => void (this.#since = clock.monotonic()));
  }
}
