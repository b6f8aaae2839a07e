import { fileFault } from "../shared/file-fault.js";

/**
 * Stops the command when its output cannot be written. A reader that leaves a pipe ends it in order and without a word, as it
 * ends every command; any other fault (a full disk) is told once. Gives whether there was such a fault.
 */
export function stopWithoutOutput(
  { stdout, stderr }: { stdout: NodeJS.WriteStream; stderr: NodeJS.WriteStream },
  stop: (why: string) => void,
): { failed: boolean } {
  const output = { failed: false };
  const lost = (error: NodeJS.ErrnoException) => {
    stop("the output is closed");
    if (error.code === "EPIPE" || output.failed) return;
    output.failed = true;
    process.exitCode = 1; // The command may have ended before it shows.
    stderr.write(`keymount: the output cannot be written: ${fileFault(error)}\n`);
  };
  for (const stream of [stdout, stderr]) stream.on("error", lost);
  return output;
}
