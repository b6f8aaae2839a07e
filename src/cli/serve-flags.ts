import { basename } from "node:path";

/**
 * The flags of a `keymount serve` from its `/proc/PID/cmdline`; `undefined` where another program or command runs. In
 * keymount's container that is process 1, and what is run beside it by `kubectl exec` has its environment, but not its flags.
 */
export function serveFlags(commandLine: string): string[] | undefined {
  const words = commandLine.split("\0").slice(0, -1);
  const program = words.findIndex((word) => /^keymount(\.js)?$/.test(basename(word)));
  if (program < 0) return undefined;
  const [command = "", ...flags] = words.slice(program + 1);
  if (command === "serve") return flags;
  return command === "" || command.startsWith("-") ? words.slice(program + 1) : undefined;
}
