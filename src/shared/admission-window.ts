import type { Clock } from "./clock.js";

interface Line {
  /** The sizes of what has begun and not ended, together. */
  underWay: number;
  /** Lets one begin; in the order of the calls. */
  waiting: Set<() => void>;
}

/** Of one piece of work: whom it waits with, how much it asks for at once, and how much of that may be under way before it. */
export interface Admission {
  line: string;
  size: number;
  most: number;
}

/**
 * Holds work back while enough of the same line is under way, in the order of the calls. It saves memory and is no limit: nothing
 * waits longer than the patience, so work that hangs holds no other up for longer, and its size may exceed `most`.
 */
export class AdmissionWindow {
  readonly #patienceMs: number;
  readonly #clock: Pick<Clock, "timer">;
  readonly #lines = new Map<string, Line>();

  constructor(patienceMs: number, clock: Pick<Clock, "timer">) {
    this.#patienceMs = patienceMs;
    this.#clock = clock;
  }

  /** Runs `work` in its turn; where the signal aborts before, at once, so that the work itself says what became of it. */
  async run<T>({ line: name, size, most }: Admission, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const line = this.#lines.get(name) ?? this.#open(name);
    if ((line.underWay < most && line.waiting.size === 0) || signal.aborted) line.underWay += size;
    else await this.#turn(line, size, signal);
    try {
      return await work();
    } finally {
      line.underWay -= size;
      for (const begin of line.waiting) {
        if (line.underWay >= most) break;
        begin();
      }
      if (line.underWay === 0) this.#lines.delete(name);
    }
  }

  #open(name: string): Line {
    const line = { underWay: 0, waiting: new Set<() => void>() };
    this.#lines.set(name, line);
    return line;
  }

  #turn(line: Line, size: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const begin = () => {
        timer.close();
        signal.removeEventListener("abort", begin);
        line.waiting.delete(begin);
        line.underWay += size;
        resolve();
      };
      const timer = this.#clock.timer(this.#patienceMs, begin);
      signal.addEventListener("abort", begin, { once: true });
      line.waiting.add(begin);
    });
  }
}
