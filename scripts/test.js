// Lint and types beside the tests, so that all cores have work from the first second to the last: `node scripts/test.js ARGUMENT…`
// The arguments are vitest's. What the checks print comes whole, after the tests; the exit code is 1 if any of the three failed.
// A run that is ended from outside leaves no process and no directory of the tests'.
import { spawn, spawnSync } from "node:child_process";
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
process.once("exit", () => {
  endDescendants();
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
  const child = spawn(program, args, {
    stdio: ["ignore", output, output],
    env: { ...process.env, TMPDIR: directory },
  });
  const pieces = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (piece) => pieces.push(piece));
  // A child that a signal ends has no code.
  const [code] = await once(child, "close");
  return { command: [program, ...args].join(" "), code, output: Buffer.concat(pieces) };
}

/** Ends all that was started here, and by that. Each is stopped before the next are looked for, so that none is missed. */
function endDescendants() {
  const stopped = new Set();
  for (;;) {
    const next = descendants().filter((pid) => !stopped.has(pid));
    if (next.length === 0) break;
    next.forEach((pid) => signal(pid, "SIGSTOP"));
    next.forEach((pid) => stopped.add(pid));
  }
  stopped.forEach((pid) => signal(pid, "SIGKILL"));
}

/** From the top down. */
function descendants() {
  const { pid: ps, stdout } = spawnSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  const processes = (stdout ?? "")
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/ +/).map(Number));
  const found = [process.pid];
  for (const parent of found)
    found.push(...processes.filter(([pid, its]) => its === parent && pid !== ps).map(([pid]) => pid));
  return found.slice(1);
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
