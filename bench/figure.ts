/** What a figure must not pass. */
export type Budget = { atMost: number } | { atLeast: number };

/** One measured number. */
export interface Figure {
  /** Names it in results.json, for good: `mount-1.p50@embedded 5 ms`. */
  id: string;
  title: string;
  unit: string;
  value: number;
  budget?: Budget;
}

export function meetsBudget({ value, budget }: Figure): boolean {
  if (!budget) return true;
  return "atMost" in budget ? value <= budget.atMost : value >= budget.atLeast;
}

/** The value below which this share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error("no values, no percentile");
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

export const median = (values: readonly number[]) => percentile(values, 0.5);
