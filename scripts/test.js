// Lint and types beside the tests, so that all cores have work from the first second to the last: `node scripts/test.js ARGUMENT…`
// The arguments are vitest's. What the checks print comes whole, after the tests; the exit code is 1 if any of the three failed.
// A run that is ended from outside leaves no process and no directory of the tests'.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
// A test runs its code for seconds, too short for what V8 optimises by default to pay; and threads that collect garbage for each
// other wait for each other where all cores are busy.
const flags = ["--interrupt-budget=1000000", "--single-threaded-gc"];
const npmRun = ["npm", "run", "--silent"];
const directory = mkdtempSync(join(tmpdir(), "km-test-"));
const groups = new Set();
process.once("exit", () => {
  groups.forEach(end);
  rmSync(directory, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(1));

const [tests, ...checks] = await Promise.all([
  run([process.execPath, ...flags, vitest, "run", ...process.argv.slice(2)], "inherit"),
  run([...npmRun, "lint"], "pipe"),
  run([...npmRun, "typecheck"], "pipe"),
]);
for (const { output } of checks) process.stdout.write(output);
for (const { command, code } of checks) if (code !== 0) console.error(`${command} failed`);
process.exitCode = [tests, ...checks].every(({ code }) => code === 0) ? 0 : 1;

async function run([program, ...args], output) {
  // A process group of its own, which tests' own processes belong to as well.
  const child = spawn(program, args, {
    stdio: ["ignore", output, output],
    env: { ...process.env, TMPDIR: directory },
    detached: true,
  });
  groups.add(child.pid);
  const pieces = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (piece) => pieces.push(piece));
  // A child that a signal ends has no code.
  const [code] = await once(child, "close");
  return { command: [program, ...args].join(" "), code, output: Buffer.concat(pieces) };
}

/** Ends what is left of a process group. */
function end(leader) {
  try {
    process.kill(-leader, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
