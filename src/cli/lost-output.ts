import { fileFault } from "../shared/file-fault.js";

/**
 * Stops the command when its output cannot be written. A reader that leaves a pipe ends it in order and without a word, as it
 * ends every command; any other fault (a full disk) is told once, and makes the exit code 1.
 */
export function stopWithoutOutput(
  { stdout, stderr }: { stdout: NodeJS.WriteStream; stderr: NodeJS.WriteStream },
  stop: (why: string) => void,
): void {
  let failed = false;
  const lost = (error: NodeJS.ErrnoException) => {
    stop("the output is closed");
    if (error.code === "EPIPE" || failed) return;
    failed = true;
    process.exitCode = 1;
    stderr.write(`keymount: the output cannot be written: ${fileFault(error)}\n`);
  };
  for (const stream of [stdout, stderr]) stream.on("error", lost);
}
