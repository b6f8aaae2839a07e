import type { Summary } from "./summary.js";

export interface TableRow {
  readonly name: string;
  readonly summary: Summary;
  /** Of the daemon. */
  readonly peakMiB: number;
  /** Whether the daemon ended meanwhile. */
  readonly ended: boolean;
}

/** Markdown, as docs/security.md has it. */
export function tenantsTable(rows: readonly TableRow[]): string {
  const lines = rows.map(({ name, summary: { mounts, republishes }, peakMiB, ended }) =>
    [
      name,
      `${mounts.done} of ${mounts.of}`,
      Math.round(mounts.p50),
      Math.round(mounts.p99),
      `${republishes.done} of ${republishes.of}`,
      Math.round(republishes.p99),
      ended ? "ended" : Math.round(peakMiB),
    ].join(" | "),
  );
  const head = "one tenant | the other's mounts | p50, ms | p99, ms | its republishes | p99, ms | peak RSS, MiB";
  return [`| ${head} |`, "|---|---|---|---|---|---|---|", ...lines.map((line) => `| ${line} |`)].join("\n");
}
