import type { Summary } from "./summary.js";

export interface TableRow {
  readonly name: string;
  readonly summary: Summary;
  /** The most memory of its own that the daemon and its worker had, MiB: what the chart's limit is about. */
  readonly ownMiB: number;
  /** The most that was resident of the daemon, with the pages of Node's program file, MiB. */
  readonly peakMiB: number;
  /** Whether the daemon ended meanwhile. */
  readonly ended: boolean;
}

/** Markdown, as docs/security.md has it. */
export function tenantsTable(rows: readonly TableRow[]): string {
  const lines = rows.map(({ name, summary: { mounts, republishes }, ownMiB, peakMiB, ended }) =>
    [
      name,
      `${mounts.done} of ${mounts.of}`,
      Math.round(mounts.p50),
      Math.round(mounts.p99),
      `${republishes.done} of ${republishes.of}`,
      Math.round(republishes.p99),
      ended ? "ended" : Math.round(ownMiB),
      ended ? "ended" : Math.round(peakMiB),
    ].join(" | "),
  );
  const head =
    "one tenant | the other's mounts | p50, ms | p99, ms | its republishes | p99, ms | memory, MiB | peak RSS, MiB";
  return [`| ${head} |`, "|---|---|---|---|---|---|---|---|", ...lines.map((line) => `| ${line} |`)].join("\n");
}
