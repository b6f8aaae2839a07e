import fc from "fast-check";
import { UncaughtErrors } from "./uncaught-errors.js";
import type { Target } from "./target.js";

export interface Failure {
  /** Drawn from this seed; `undefined` for a regression. */
  seed: number | undefined;
  /** As small as it was made, written as an expression of JavaScript. */
  input: string;
  reason: string;
}

export interface FuzzResult {
  cases: number;
  failure?: Failure;
}

export interface FuzzOptions {
  /** Drawn from one after the other; endless ones end with `enough`. */
  seeds: Iterable<number>;
  casesPerSeed: number;
  /** Whether to stop before the next seed. */
  enough: () => boolean;
  /** Told before each case, so that one that takes the process along can be named. */
  begin?: (seed: number, index: number) => void;
  /** Milliseconds of this process's CPU one case may take. */
  cpuLimitMs?: number;
}

/** No case may take longer to shrink than this. */
const shrinkingMs = 60_000;

/** Tries the regressions, then drawn ones, until one fails or it is enough. */
export async function fuzz<Case>(target: Target<Case>, options: FuzzOptions): Promise<FuzzResult> {
  const uncaught = new UncaughtErrors();
  const harness = await target.open();
  let cases = 0;
  const check = async (tried: Case) => {
    cases += 1;
    const before = process.cpuUsage();
    await harness.check(tried);
    const { user, system } = process.cpuUsage(before);
    uncaught.expectNone();
    if ((user + system) / 1_000 > (options.cpuLimitMs ?? Infinity)) {
      throw new Error(`one case took ${Math.round((user + system) / 1_000)} ms of CPU`);
    }
  };
  try {
    const failure = (await tryRegressions(target, check, options)) ?? (await tryDrawn(target, check, options));
    return { cases, ...(failure && { failure }) };
  } finally {
    await harness.close();
    uncaught.close();
  }
}

type Check<Case> = (tried: Case) => Promise<void>;

async function tryRegressions<Case>({ regressions }: Target<Case>, check: Check<Case>, { begin }: FuzzOptions) {
  for (const [index, tried] of regressions.entries()) {
    begin?.(0, index);
    try {
      await check(tried);
    } catch (error) {
      return { seed: undefined, input: inputOf(tried), reason: reasonOf(error) };
    }
  }
  return undefined;
}

async function tryDrawn<Case>({ cases }: Target<Case>, check: Check<Case>, options: FuzzOptions) {
  for (const seed of options.seeds) {
    if (options.enough()) return undefined;
    let index = 0;
    const property = fc.asyncProperty(cases, async (tried) => {
      options.begin?.(seed, index++);
      await check(tried);
    });
    const found = await fc.check(property, {
      seed,
      numRuns: options.casesPerSeed,
      interruptAfterTimeLimit: shrinkingMs,
    });
    if (found.counterexample) {
      return { seed, input: inputOf(found.counterexample[0]), reason: reasonOf(found.errorInstance) };
    }
  }
  return undefined;
}

/** The case that a seed gave at this place, untried. */
export function drawnCase<Case>({ cases, regressions }: Target<Case>, seed: number, index: number): string {
  if (seed === 0) return inputOf(regressions[index]);
  let at = 0;
  let found = "none";
  const property = fc.property(cases, (drawn) => {
    if (at++ === index) found = inputOf(drawn);
  });
  fc.check(property, { seed, numRuns: index + 1 });
  return found;
}

const longestInput = 4_000;

function inputOf(tried: unknown): string {
  const text = fc.stringify(tried);
  return text.length > longestInput ? `${text.slice(0, longestInput)}… (${text.length} characters)` : text;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `\ncaused by ${error.cause.stack}` : "";
  return `${error.stack ?? error.message}${cause}`;
}
