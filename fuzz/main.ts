import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { processDirectory } from "../dev/testing/process-directory.js";
import { type TargetRun, runTarget } from "./target-process.js";
import { targets } from "./targets.js";

const help = `Usage: npm run fuzz -- [OPTION…]

Tries what strangers may send: fixed seeds for a quarter of the time, then random ones, which are printed. Two targets at
a time, each in a process of its own. Exit code 1 with the smallest input found that breaks a property.

  --seconds N    for each target (default: 60)
  --target NAME  only this one; of ${targets.map(({ name }) => name).join(", ")}
  --seed N       begin with this seed, as printed with a failure
  --report FILE  also write the result as JSON, as vitest's reporter does
`;

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    target: { type: "string" },
    seed: { type: "string", default: "random" },
    report: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const lanes = 2;

async function main(): Promise<number> {
  if (options.help) return console.log(help), 0;
  const waiting = targets.map(({ name }) => name).filter((name) => !options.target || name === options.target);
  if (waiting.length === 0) throw new Error(`no target is called ${options.target}; see --help`);
  const { path: directory } = await processDirectory(join(tmpdir(), "km-fuzz-"));
  const runs: TargetRun[] = [];
  const lane = async () => {
    for (let name = waiting.shift(); name; name = waiting.shift()) {
      const run = await runTarget({ name, seconds: options.seconds, seed: options.seed, directory });
      runs.push(run);
      console.log(lineOf(run));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  if (options.report) writeFileSync(options.report, JSON.stringify(reportOf(runs)));
  const failed = runs.filter(({ failure }) => failure).length;
  console.log(`${runs.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function lineOf({ name, cases, seconds, seeds, failure }: TargetRun): string {
  const line = `${failure ? "✗" : "✓"} ${name}: ${cases} cases in ${seconds.toFixed(0)} s, seeds ${seeds}`;
  if (!failure) return line;
  const again = failure.seed === undefined ? "" : ` --seed ${failure.seed}`;
  return `${line}\n  ${failure.reason.replaceAll("\n", "\n  ")}\n  input: ${failure.input}\n  again: npm run fuzz -- --target ${name}${again}`;
}

/** What .ci/sum.js adds up. */
function reportOf(runs: readonly TargetRun[]) {
  const failed = runs.filter(({ failure }) => failure).length;
  return {
    numTotalTests: runs.length,
    numPassedTests: runs.length - failed,
    numFailedTests: failed,
    testResults: runs.map(({ name, failure }) => {
      const status = failure ? "failed" : "passed";
      return {
        name,
        status,
        assertionResults: [
          { title: name, status, failureMessages: failure ? [`${failure.reason}\ninput: ${failure.input}`] : [] },
        ],
      };
    }),
  };
}

// With a run that is ended from outside go its processes and directory.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
process.exitCode = await main();
