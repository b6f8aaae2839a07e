import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import type { Figure } from "./figure.js";

const file = "bench/results.json";

/** A whole run, as it is committed: one for each major version of Node. */
export interface Run {
  date: string;
  node: string;
  machine: string;
  /** Load average over a minute before the run: what else the machine did. */
  loadBefore: number;
  figures: Record<string, number>;
}

type Results = Record<string, Run>;

const majorOf = (version: string) => version.split(".")[0]!;

function readResults(): Results {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Results) : {};
}

/** The committed run on this major version of Node. */
export function lastRun(version: string): Run | undefined {
  return readResults()[majorOf(version)];
}

export function keepRun(
  { version, date, loadBefore }: { version: string; date: string; loadBefore: number },
  figures: readonly Figure[],
): void {
  const run: Run = {
    date,
    node: version,
    machine: `${cpus().length} × ${cpus()[0]!.model}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    loadBefore,
    figures: Object.fromEntries(figures.map(({ id, value }) => [id, rounded(value)])),
  };
  writeFileSync(file, `${JSON.stringify({ ...readResults(), [majorOf(version)]: run }, undefined, 2)}\n`);
}

/** Three digits are more than a run can tell. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
