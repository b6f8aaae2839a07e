import { loadDevCommand } from "./dev-bundle.js";
import { nearest } from "../shared/spelling.js";
import { safeStream } from "./safe-stream.js";
import type { Command, CommandIo } from "./command-io.js";

interface Entry {
  summary: string;
  load: () => Promise<Command>;
}

/** Each command is loaded when it is run: `serve` starts without what the others need. */
const commands: Readonly<Record<string, Entry>> = {
  serve: {
    summary: "Runs the provider; also the default without a command",
    load: async () => (await import("./serve.js")).serveCommand,
  },
  mount: {
    summary: "Acts as the CSI driver: mounts a SecretProviderClass into a directory",
    load: async () => (await import("./mount.js")).mountCommand((await import("./dev-tokens.js")).devTokens),
  },
  check: {
    summary: "Reports every mistake in SecretProviderClass files, offline",
    load: async () => (await import("./check.js")).checkCommand(),
  },
  migrate: {
    summary: "Writes the configuration file for the SecretProviderClasses of another provider",
    load: async () => (await import("./migrate.js")).migrateCommand,
  },
  doctor: {
    summary: "Checks each step of a mount and reports what is broken, and who can fix it",
    load: async () => (await import("./doctor.js")).doctorCommand,
  },
  leases: {
    summary: "Lists the tokens, leases and certificates of this node",
    load: async () => (await import("./leases.js")).leasesCommand,
  },
  "revoke-all": {
    summary: "Revokes all tokens of this node, before uninstalling",
    load: async () => (await import("./revoke-all.js")).revokeAllCommand,
  },
  dev: {
    summary: "Runs an embedded Vault and the provider beside it, for trying things out",
    load: () => loadDevCommand(),
  },
  version: {
    summary: "Prints the version",
    load: async () => (await import("./version.js")).versionCommand,
  },
};

const usage = `Usage: keymount COMMAND [OPTION…]

${Object.entries(commands)
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
  const [first = "", ...rest] = argv;
  const asksHelp = ["help", "--help", "-h", "-help"].includes(first);
  if (asksHelp && Object.hasOwn(commands, rest[0] ?? "")) return run(rest[0]!, ["--help"], io, signal);
  // Who types nothing wants to know what there is; a pod has no terminal.
  if (asksHelp || (argv.length === 0 && io.stdin?.isTTY === true)) {
    io.stdout.write(usage);
    return 0;
  }
  if (argv.length === 1 && ["-v", "-V"].includes(first)) return run("version", [], io, signal);
  if (first === "" || first.startsWith("-")) return run("serve", argv, io, signal);
  if (Object.hasOwn(commands, first)) return run(first, rest, io, signal);
  const meant = nearest(first, Object.keys(commands));
  io.stderr.write(
    `keymount: there is no command "${first}"${meant ? `; did you mean ${meant}?` : ""}; see keymount help\n`,
  );
  return 2;
}

async function run(name: string, argv: readonly string[], io: CommandIo, signal: AbortSignal): Promise<number> {
  const command = await commands[name]!.load();
  if (argv.some((word) => ["--help", "-h", "-help"].includes(word))) {
    io.stdout.write(command.help);
    return 0;
  }
  // As the older providers' -version.
  if (name === "serve" && argv.some((word) => ["--version", "-version"].includes(word))) {
    return run("version", [], io, signal);
  }
  return command.run(argv, io, signal);
}
