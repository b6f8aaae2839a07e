import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { raceAbort, withDeadline } from "../shared/join-signals.js";
import type { Product } from "../vault/node-health.js";
import { Problem, type ProblemName, type Owner, Skipped, type Step, steps } from "./problems.js";
import { inCommandsOf } from "./product-commands.js";

/** What a step came to. */
export type Outcome =
  | { result: "passed"; facts: readonly string[]; warnings: readonly string[] }
  | { result: "broken"; problem: ProblemName; what: string; each?: readonly string[]; fix: string; who: Owner }
  | { result: "skipped"; because: string };

export type Report = Outcome & {
  step: Step;
  /** Which address, object or path; the step's name alone says it where this is empty. */
  subject: string;
  /** How long it took, in whole milliseconds. */
  ms: number;
};

/** A step that found nothing broken; `value` is for the steps after it. */
export interface CheckResult<T> {
  value: T;
  facts: readonly string[];
  warnings?: readonly string[];
}

export interface Check<T> {
  step: Step;
  subject?: string;
  /** The problem when the step takes too long, or fails unexpectedly. */
  fallbackProblem: ProblemName;
  /** Throws `Problem` or `Skipped`. */
  run: (signal: AbortSignal) => Promise<CheckResult<T>>;
}

export interface CheckRunnerParts {
  clock: Clock;
  /** For one step, milliseconds. */
  stepMs: number;
  report: (report: Report) => void;
  /** Whose commands the fixes name; Vault's unless said. */
  product?: Product | undefined;
}

/** One walk: looks, and reports what it saw, each step within its time. */
export class CheckRunner {
  readonly #parts: CheckRunnerParts;
  readonly #signal: AbortSignal;

  constructor(parts: CheckRunnerParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
  }

  /** What was seen, or `undefined` where it is broken or could not be judged. Rejects with the walk's own end only. */
  async check<T>({ step, subject = "", fallbackProblem, run }: Check<T>): Promise<T | undefined> {
    const { clock, report, product = "Vault" } = this.#parts;
    const startedAt = clock.monotonic();
    const tell = (outcome: Outcome) =>
      report({ step, subject, ...outcome, ms: Math.round(clock.monotonic() - startedAt) });
    try {
      const { value, facts, warnings = [] } = await this.#inTime(run);
      tell({ result: "passed", facts, warnings });
      return value;
    } catch (reason) {
      this.#signal.throwIfAborted();
      tell(outcomeOf(reason, fallbackProblem, product));
      return undefined;
    }
  }

  /** The same walk, whose fixes name commands of that product; Vault's where it is not known. */
  of(product: Product | undefined): CheckRunner {
    return new CheckRunner({ ...this.#parts, product }, this.#signal);
  }

  skip(step: Step, because: string, subject = ""): void {
    this.#parts.report({ step, subject, result: "skipped", because, ms: 0 });
  }

  /** This step and all after it. */
  skipFrom(first: Step, because: string): void {
    for (const step of steps.slice(steps.indexOf(first))) this.skip(step, because);
  }

  /** Looks at several things at once, and reports in their order. */
  async each<T, R>(items: readonly T[], act: (item: T, runner: CheckRunner) => Promise<R>): Promise<R[]> {
    const runs = items.map((item) => {
      const reports: Report[] = [];
      const parts = { ...this.#parts, report: (report: Report) => void reports.push(report) };
      return { reports, done: act(item, new CheckRunner(parts, this.#signal)) };
    });
    const settled = Promise.allSettled(runs.map(({ done }) => done));
    const results: R[] = [];
    try {
      for (const { reports, done } of runs) {
        results.push(await done);
        reports.forEach((report) => this.#parts.report(report));
      }
    } finally {
      await settled;
    }
    return results;
  }

  async #inTime<T>(act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#signal.throwIfAborted();
    const { clock, stepMs } = this.#parts;
    const late = () => new ProviderError("deadline_exceeded", `no answer within ${stepMs / 1000} s`);
    const deadline = withDeadline(this.#signal, stepMs, late, clock);
    try {
      return await raceAbort(act(deadline.signal), deadline.signal);
    } finally {
      deadline.release();
    }
  }
}

function outcomeOf(reason: unknown, otherwise: ProblemName, product: Product): Outcome {
  if (reason instanceof Skipped) return { result: "skipped", because: reason.message };
  const found = reason instanceof Problem ? reason : new Problem(otherwise, ProviderError.from(reason).message);
  const { known: problem, what, each, who } = found;
  const fix = inCommandsOf(product, found.fix);
  return { result: "broken", problem, what, ...(each.length > 1 && { each }), fix, who };
}
