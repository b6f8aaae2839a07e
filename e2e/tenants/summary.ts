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
export const quietFloorMs = 200;

/** How slow the neighbour's acts may be beside a misbehaving tenant. */
export const slowestMs = (quiet: Share) => slowerAtMost * Math.max(quietFloorMs, quiet.p99);

/** What of the property does not hold, in words; nothing when all does. */
export interface Problems {
  /** What did not succeed. */
  readonly failed: readonly string[];
  /** What succeeded, and took too long. */
  readonly slow: readonly string[];
}

export function problemsOf(figures: NeighbourFigures, quiet: Summary): Problems {
  const kinds = ["mounts", "republishes", "probes"] as const;
  // A probe counts as the kubelet counts it: it succeeds within its timeout or it does not.
  const timed = ["mounts", "republishes"] as const;
  return {
    failed: kinds.flatMap((kind) => failuresOf(kind, figures[kind])),
    slow: timed.flatMap((kind) => slownessOf(kind, figures[kind], quiet[kind])),
  };
}

function failuresOf(kind: keyof Summary, acts: Acts): string[] {
  const { done, of } = shareOf(acts);
  if (done === of) return [];
  const why = acts.refusals[0] ?? `${acts.unfinished} never ended`;
  return [`the neighbour's ${kind}: ${done} of ${of} done (${why.slice(0, 300)})`];
}

function slownessOf(kind: keyof Summary, acts: Acts, quiet: Share): string[] {
  const { done, p99 } = shareOf(acts);
  const limit = slowestMs(quiet);
  if (done === 0 || p99 <= limit) return [];
  return [`the neighbour's ${kind}: p99 ${ms(p99)}, at most ${ms(limit)} (quiet: ${ms(quiet.p99)})`];
}

const ms = (value: number) => `${Math.round(value)} ms`;
