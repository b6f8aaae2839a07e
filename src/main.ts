import { readdir, readFile, stat } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { stopWithoutOutput } from "./cli/lost-output.js";
import { programOf } from "./cli/program.js";
import { runCommand } from "./cli/commands.js";
import { hasColours } from "./cli/paint.js";
import { takeSignals, untilStopped } from "./cli/stop-signals.js";
import { textOf } from "./cli/text-of.js";

const streamTo = (stream: NodeJS.WriteStream) => ({
  write: (text: string) => stream.write(text),
  colours: hasColours(stream.isTTY === true, process.env),
});
const stop = untilStopped();
stopWithoutOutput(process, stop.stop);
const code = await runCommand(
  process.argv.slice(2),
  {
    program: programOf(process.argv[1], process.cwd()),
    stdin: process.stdin,
    stdout: streamTo(process.stdout),
    stderr: streamTo(process.stderr),
    readFile: async (path) => textOf(await (path === "-" ? buffer(process.stdin) : readFile(path))),
    readDirectory: async (path) => {
      if (path === "-" || !(await stat(path).catch(() => undefined))?.isDirectory()) return undefined;
      const entries = await readdir(path, { withFileTypes: true });
      return entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
    },
    takeSignals,
  },
  stop.signal,
);
// Output that could not be written has set one already.
process.exitCode ??= code;
stop.release();
// What a failed start left open, such as a socket, keeps no process alive that has said its last word.
setTimeout(() => process.exit(), 1_000).unref();
