import type { Acts, NeighbourFigures } from "./neighbour.js";

/** What a row of the table says of the neighbour. Milliseconds. */
export interface Summary {
  readonly mounts: Share;
  readonly republishes: Share;
  readonly probes: Share;
}

export interface Share {
  readonly done: number;
  readonly of: number;
  readonly p50: number;
  readonly p99: number;
}

export function summaryOf({ mounts, republishes, probes }: NeighbourFigures): Summary {
  return { mounts: shareOf(mounts), republishes: shareOf(republishes), probes: shareOf(probes) };
}

function shareOf({ done, refusals, unfinished }: Acts): Share {
  const sorted = [...done].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Infinity;
  return { done: done.length, of: done.length + refusals.length + unfinished, p50: at(0.5), p99: at(0.99) };
}

/** Slower than so many times the quiet run is too slow. */
const slowerAtMost = 3;

/**
 * A quiet run's p99 counts as this much at least: what another program on the machine takes for a moment is no fault, and
 * the faults that the rows are about took seconds.
 */
export const quietFloorMs = 100;

/** How slow the neighbour's acts may be beside a misbehaving tenant. */
export const slowestMs = (quiet: Share) => slowerAtMost * Math.max(quietFloorMs, quiet.p99);

/** What of the property does not hold, in words; nothing when all does. */
export function problemsOf(figures: NeighbourFigures, quiet: Summary): string[] {
  const kinds = ["mounts", "republishes", "probes"] as const;
  return kinds.flatMap((kind) => problemsOfActs(kind, figures[kind], quiet[kind]));
}

function problemsOfActs(kind: keyof Summary, acts: Acts, quiet: Share): string[] {
  const { done, of, p99 } = shareOf(acts);
  const problems: string[] = [];
  if (done < of) {
    const why = acts.refusals[0] ?? `${acts.unfinished} never ended`;
    problems.push(`the neighbour's ${kind}: ${done} of ${of} done (${why.slice(0, 300)})`);
  }
  // A probe counts as the kubelet counts it: it succeeds within its timeout or it does not.
  if (kind === "probes" || done === 0) return problems;
  const limit = slowestMs(quiet);
  if (p99 > limit)
    problems.push(`the neighbour's ${kind}: p99 ${ms(p99)}, at most ${ms(limit)} (quiet: ${ms(quiet.p99)})`);
  return problems;
}

const ms = (value: number) => `${Math.round(value)} ms`;
