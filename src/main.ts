import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { programOf } from "./cli/program.js";
import { runCommand } from "./cli/commands.js";
import { untilStopped } from "./cli/stop-signals.js";

const stop = untilStopped();
process.exitCode = await runCommand(
  process.argv.slice(2),
  {
    program: programOf(process.argv[1], process.cwd()),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    readFile: (path) => (path === "-" ? text(process.stdin) : readFile(path, "utf8")),
  },
  stop.signal,
);
stop.release();
// What a failed start left open, such as a socket, keeps no process alive that has said its last word.
setTimeout(() => process.exit(), 1_000).unref();
