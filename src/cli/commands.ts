import "../config/interpreted-schemas.js";
import { nearest } from "../shared/spelling.js";
import type { Command, CommandIo } from "./command-io.js";
import { type CommandName, commandTable } from "./command-table.js";
import { helpOptions } from "./define-command.js";
import { loadDevCommand } from "./dev-bundle.js";
import { safeStream } from "./safe-stream.js";

/** Each command is loaded when it is run: `serve` starts without what the others need. */
const loaders: Readonly<Record<CommandName, () => Promise<Command>>> = {
  serve: async () => (await import("./serve.js")).serveCommand,
  mount: async () => (await import("./mount.js")).mountCommand((await import("./dev-tokens.js")).devTokens),
  check: async () => (await import("./check.js")).checkCommand(),
  migrate: async () => (await import("./migrate.js")).migrateCommand,
  doctor: async () => (await import("./doctor.js")).doctorCommand,
  leases: async () => (await import("./leases.js")).leasesCommand,
  notify: async () => (await import("./notify.js")).notifyCommand,
  "revoke-all": async () => (await import("./revoke-all.js")).revokeAllCommand,
  dev: () => loadDevCommand(),
  completion: async () => (await import("./completion.js")).completionCommand,
  version: async () => (await import("./version.js")).versionCommand,
};

const usage = `Usage: keymount COMMAND [OPTION…]

${Object.entries(commandTable)
  .map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`)
  .join("\n")}

keymount COMMAND --help shows the options and exit codes of a command. In general: 0 done, 1 refused or failed, 2 wrong usage.
`;

/**
 * Runs what `argv` (without node and script) names and gives its exit code. Without a command, as the older providers'
 * manifests start theirs, it is `serve`.
 */
export async function runCommand(argv: readonly string[], given: CommandIo, signal: AbortSignal): Promise<number> {
  const io = { ...given, stdout: safeStream(given.stdout), stderr: safeStream(given.stderr) };
  const run = async (name: CommandName, words: readonly string[]) => (await loaders[name]()).run(words, io, signal);
  const [first = "", ...rest] = argv;
  const asksHelp = first === "help" || helpOptions.includes(first);
  // A person who types nothing wants to know what there is; a pod has no terminal.
  if ((asksHelp && rest.length === 0) || (argv.length === 0 && io.stdin?.isTTY === true)) {
    io.stdout.write(usage);
    return 0;
  }
  const name = asksHelp ? rest[0]! : first;
  if (isCommand(name)) {
    // As the older providers' -version.
    if (name === "serve" && rest.some(asksVersion)) return run("version", []);
    return run(name, asksHelp ? ["--help"] : rest);
  }
  if (argv.length === 1 && ["-v", "-V"].includes(first)) return run("version", []);
  if (first === "" || first.startsWith("-")) return argv.some(asksVersion) ? run("version", []) : run("serve", argv);
  const meant = nearest(name, Object.keys(commandTable));
  io.stderr.write(
    `keymount: there is no command "${name}"${meant ? `; did you mean ${meant}?` : ""}; see keymount help\n`,
  );
  return 2;
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commandTable, name);
}

function asksVersion(word: string): boolean {
  return ["--version", "-version"].includes(word);
}
