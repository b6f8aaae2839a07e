import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Failure, type FuzzResult, drawnCase } from "./fuzz.js";
import { targets } from "./targets.js";

export interface TargetRun {
  name: string;
  cases: number;
  seconds: number;
  /** For people: which seeds were drawn from. */
  seeds: string;
  failure?: Failure;
}

/** A case that takes this long does not end. */
const hungAfterMs = 60_000;
const usualHeapMb = 512;

/** Fuzzes in a process of its own, so that what crashes, fills the memory or never ends is found out as well. */
export async function runTarget(of: {
  name: string;
  seconds: string;
  seed: string;
  directory: string;
}): Promise<TargetRun> {
  const record = join(of.directory, of.name);
  const startedAt = performance.now();
  const heapMb = targets.find(({ name }) => name === of.name)!.heapMb ?? usualHeapMb;
  const child = fork("scripts/run-ts.js", ["fuzz/run-target.ts", of.name, of.seconds, of.seed, record], {
    execArgv: [`--max-old-space-size=${heapMb}`],
    env: { ...process.env, TMPDIR: of.directory },
  });
  let result: FuzzResult | undefined;
  child.once("message", (message) => {
    result = message as FuzzResult;
  });
  const kill = () => child.kill("SIGKILL");
  const watch = watchFor(record, kill);
  process.once("exit", kill);
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  process.off("exit", kill);
  clearInterval(watch);
  const position = readPosition(record);
  const died = () =>
    diedAt(of.name, position, `the process ended with ${signal ?? code}, for what it was tried with last`);
  const failure = result ? result.failure : died();
  return {
    name: of.name,
    cases: result?.cases ?? 0,
    seconds: (performance.now() - startedAt) / 1000,
    seeds: `${of.seed === "random" ? "1, 2, … and … " : `${of.seed} … `}${position?.seed ?? "none"}`,
    ...(failure && { failure }),
  };
}

/** Calls `hung` when the place in the record has not changed for long. */
function watchFor(record: string, hung: () => void): NodeJS.Timeout {
  let last = "";
  let since = performance.now();
  return setInterval(() => {
    const now = JSON.stringify(readPosition(record));
    if (now !== last) [last, since] = [now, performance.now()];
    else if (performance.now() - since > hungAfterMs) hung();
  }, 1_000);
}

interface CasePosition {
  seed: number;
  index: number;
}

function readPosition(record: string): CasePosition | undefined {
  const bytes = existsSync(record) ? readFileSync(record) : Buffer.alloc(0);
  return bytes.length === 16 ? { seed: bytes.readDoubleLE(0), index: bytes.readDoubleLE(8) } : undefined;
}

function diedAt(name: string, position: CasePosition | undefined, reason: string): Failure {
  if (!position) return { seed: undefined, input: "none", reason: "the process ended before the first case" };
  const target = targets.find((one) => one.name === name)!;
  const seed = position.seed === 0 ? undefined : position.seed;
  return { seed, input: drawnCase(target, position.seed, position.index), reason };
}
