import type { CommandIo } from "./command-io.js";

/** What `util.parseArgs` refused, in one line of ours; every other error's own words. */
export function argumentMistake(reason: unknown): string {
  if (!(reason instanceof Error)) return "wrong arguments";
  const { code, message } = reason as NodeJS.ErrnoException;
  const name = /'(?:-\w, )?([^' ]*)/.exec(message)?.[1] ?? "";
  switch (code) {
    case "ERR_PARSE_ARGS_UNKNOWN_OPTION":
      return `unknown option ${name}`;
    case "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL":
      return `unexpected argument ${name}`;
    case "ERR_PARSE_ARGS_INVALID_OPTION_VALUE":
      return message.includes("does not take") ? `${name} takes no value` : `${name} needs a value`;
    default:
      return message;
  }
}

/** Says in one line what is wrong with the arguments, and where help is. Gives the exit code. */
export function refuseUsage({ stderr }: CommandIo, command: string, mistake: string): 2 {
  stderr.write(`keymount ${command}: ${mistake}; see keymount ${command} --help\n`);
  return 2;
}

const readFaults: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a directory",
};

/** Why a file cannot be read, in words instead of Node's code. */
export function unreadable(file: string, { code, message }: NodeJS.ErrnoException): string {
  return `cannot read ${file}: ${readFaults[code ?? ""] ?? code ?? message}`;
}
