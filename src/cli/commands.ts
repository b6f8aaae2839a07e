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
    summary: "run the provider; also what runs when no command is given",
    load: async () => (await import("./serve.js")).serveCommand,
  },
  mount: {
    summary: "play the CSI driver: mount a class into a directory",
    load: async () => (await import("./mount.js")).mountCommand((await import("./dev-tokens.js")).devTokens),
  },
  check: {
    summary: "find every mistake in SecretProviderClass files, offline",
    load: async () => (await import("./check.js")).checkCommand(),
  },
  migrate: {
    summary: "write the operator's file for the classes of a cluster that has another provider",
    load: async () => (await import("./migrate.js")).migrateCommand,
  },
  doctor: {
    summary: "say what is broken between the driver and a secret, and who can mend it",
    load: async () => (await import("./doctor.js")).doctorCommand,
  },
  leases: {
    summary: "say what is held on this node, for whom, and what comes next",
    load: async () => (await import("./leases.js")).leasesCommand,
  },
  "revoke-all": {
    summary: "revoke all that is held on this node, before uninstalling",
    load: async () => (await import("./revoke-all.js")).revokeAllCommand,
  },
  dev: {
    summary: "run an embedded Vault and the provider beside it, for trying things out",
    load: () => loadDevCommand(),
  },
  version: {
    summary: "say which version this is",
    load: async () => (await import("./version.js")).versionCommand,
  },
};

const usage = `Usage: keymount COMMAND [OPTION…]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`)
  .join("\n")}

keymount COMMAND --help tells each command's options and exit codes. In general: 0 done, 1 refused or failed, 2 wrong usage.
`;

/**
 * Runs what `argv` (without node and script) names and gives its exit code. Without a command, as the older providers'
 * manifests start theirs, it is `serve`.
 */
export async function runCommand(argv: readonly string[], given: CommandIo, signal: AbortSignal): Promise<number> {
  const io = { ...given, stdout: safeStream(given.stdout), stderr: safeStream(given.stderr) };
  const [first = "", ...rest] = argv;
  if (["help", "--help", "-h", "-help"].includes(first)) {
    io.stdout.write(usage);
    return 0;
  }
  if (first === "" || first.startsWith("-")) return run("serve", argv, io, signal);
  if (Object.hasOwn(commands, first)) return run(first, rest, io, signal);
  const meant = nearest(first, Object.keys(commands));
  io.stderr.write(`keymount: there is no command "${first}"${meant ? `; did you mean ${meant}?` : ""}\n\n${usage}`);
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
