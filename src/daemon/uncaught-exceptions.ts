import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { describeUncaught } from "../telemetry/describe-error.js";
import type { Log } from "../telemetry/log.js";

export interface UncaughtExceptionsParts {
  log: Log;
  clock: Pick<Clock, "monotonic">;
  /** Ends the process in order; called at most once. */
  giveUp: (reason: ProviderError) => void;
}

/** One belongs to a call; this many within a minute belong to the process. */
const mostPerMinute = 10;
const minuteMs = 60_000;

/** Node's own state is wrong, or there is no memory: nothing that runs on is to be relied on. */
const fatalCodes: ReadonlySet<unknown> = new Set(["ERR_INTERNAL_ASSERTION", "ERR_MEMORY_ALLOCATION_FAILED"]);

/**
 * Decides what an exception that nothing caught ends. While serving it is the call it belongs to, which is answered when
 * its time is over; all others go on. Before that, in a burst, or where Node itself is broken, it is the process.
 */
export class UncaughtExceptions {
  readonly #parts: UncaughtExceptionsParts;
  #count: (() => void) | undefined;
  #times: number[] = [];
  #gaveUp = false;

  constructor(parts: UncaughtExceptionsParts) {
    this.#parts = parts;
  }

  /** Serving has begun; `count` is called for each exception from here on. */
  survive(count: () => void): void {
    this.#count = count;
  }

  /** For `process.on("uncaughtException")`, which rejections that nothing handled reach as well. Never throws. */
  readonly note = (error: unknown): void => {
    try {
      this.#parts.log.error(describeUncaught(error), "uncaught error; the call that it belongs to fails");
      this.#count?.();
    } catch {
      return this.#giveUp("an error was not caught, and could not be logged"); // Logging it again would come back here.
    }
    const reason = this.#reasonToEnd(error);
    if (reason !== undefined) this.#giveUp(reason);
  };

  #reasonToEnd(error: unknown): string | undefined {
    if (!this.#count) return "an error was not caught during the start";
    if (fatalCodes.has((error as { code?: unknown } | undefined)?.code)) return "Node itself failed, or has no memory";
    const now = this.#parts.clock.monotonic();
    this.#times = [...this.#times.filter((time) => now - time < minuteMs), now];
    return this.#times.length > mostPerMinute
      ? `${this.#times.length} errors within a minute were not caught`
      : undefined;
  }

  #giveUp(reason: string): void {
    if (this.#gaveUp) return;
    this.#gaveUp = true;
    this.#parts.giveUp(new ProviderError("internal", `keymount ends: ${reason}`));
  }
}
