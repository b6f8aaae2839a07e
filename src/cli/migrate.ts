import { writeFile } from "node:fs/promises";
import { ConfigError } from "../config/config-error.js";
import type { WrittenClass } from "../migrate/analyzed-class.js";
import { readSourceProvider } from "../migrate/source-provider.js";
import { readInstallation } from "../migrate/installation.js";
import { migrate, type Migration } from "../migrate/migration.js";
import { ProviderError } from "../shared/errors.js";
import { readText } from "./chosen-class.js";
import { readClassFile } from "./class-file.js";
import type { Command, CommandIo } from "./command-io.js";
import { type MigrateArguments, migrateArguments } from "./migrate-arguments.js";
import { printReport } from "./migrate-report.js";
import { placeOf } from "./text-places.js";
import { refuseUsage } from "./wrong-usage.js";

const help = `Usage: keymount migrate -f FILE… [--daemonset FILE] [OPTION…] [FLAG OF THE FORMER PROVIDER…]

Reads the classes of vault-csi-provider or openbao-csi-provider, writes the configuration file they need, and says of each
class whether it works as it is, behaves otherwise, or would be refused, and why (docs/migration.md). Asks no server.

  -f, --file FILE          what "kubectl get secretproviderclass -A -o yaml" prints; may be repeated, - is standard input
      --daemonset FILE     what "kubectl get daemonset,configmap,csidriver -n NAMESPACE -o yaml" prints: the source
                           provider's settings, the Agent beside it, and the audiences of the driver's tokens
      --provider NAME      whose classes, vault or openbao; by default the DaemonSet's, else vault
  -n, --namespace NAME     of classes that name none; by default "default"
  -o, --output FILE        write the configuration file there (never over another) instead of to standard output
      --values             write it as values of keymount's chart, under config
      --json               the report as one JSON object:
                           {"classes": [{"namespace", "name", "connection"?, "outcome": "same"|"different"|"refused",
                             "reasons": []}], "audiences": [], "notes": [], "skipped": {"PROVIDER": 0}}

The source provider's flags (--vault-addr, --vault-mount, --vault-namespace, --vault-tls-…, and with openbao- in front)
stand above what the DaemonSet says; -- may stand before them. The report is on standard error.

Exit codes: 0 every class would be served, 1 some would be refused (the file is written all the same), 2 wrong usage or
an unreadable input.
`;

/** What the command does to the world beside reading. */
export interface MigrateStage {
  /** Rejects with EEXIST where there is a file. */
  writeNewFile(path: string, text: string): Promise<void>;
}

export const migrateCommand = migrateOn({
  writeNewFile: (path, text) => writeFile(path, text, { flag: "wx" }),
});

/** `keymount migrate`. */
export function migrateOn(stage: MigrateStage): Command {
  return {
    help,
    run: (argv, io) => run(argv, { stage, io }),
  };
}

async function run(argv: readonly string[], { stage, io }: { stage: MigrateStage; io: CommandIo }): Promise<number> {
  const asked = migrateArguments(argv);
  if ("mistake" in asked) return refuseUsage(io, "migrate", asked.mistake);
  try {
    const migration = await migrationOf(asked, io);
    await deliver(migration, asked, { stage, io });
    return migration.reports.some(({ outcome }) => outcome === "refused") ? 1 : 0;
  } catch (reason) {
    io.stderr.write(`keymount migrate: ${messageOf(reason)}\n`);
    return 2;
  }
}

async function migrationOf(asked: MigrateArguments, io: CommandIo): Promise<Migration> {
  const { files, daemonSet, namespace, formerFlags: flags, provider: providerName } = asked;
  const classes: WrittenClass[] = [];
  for (const file of files) classes.push(...classesIn(file, await readText(file, io), namespace));
  const installation = daemonSet === undefined ? undefined : installationIn(daemonSet, await readText(daemonSet, io));
  return migrate(classes, readSourceProvider({ installation, flags, providerName }));
}

/** Throws `invalid_request` for what an API server would not have. */
function classesIn(file: string, text: string, otherwise: string): WrittenClass[] {
  const { classes, skipped, remarks } = readClassFile(text);
  const mistake = remarks.find(({ level }) => level === "mistake");
  if (mistake) {
    const { line, column } = placeOf(text, mistake.offset);
    throw new ProviderError("invalid_request", `${file}:${line}:${column}: ${mistake.message}`);
  }
  const none: WrittenClass["parameters"] = new Map();
  return [
    ...classes.map(({ name, namespace = otherwise, provider = "", parameters }) => ({
      name,
      namespace,
      provider,
      parameters: new Map([...parameters].map(([key, value]) => [key, value.text])),
    })),
    // Of providers that everybody knows; they are only counted.
    ...skipped.flatMap(({ provider }) => (provider ? [{ name: "", namespace: "", provider, parameters: none }] : [])),
  ];
}

function installationIn(file: string, text: string) {
  try {
    return readInstallation(text);
  } catch (reason) {
    const { code, message } = ProviderError.from(reason);
    throw new ProviderError(code, `${file} ${message}`);
  }
}

async function deliver(
  migration: Migration,
  { output, values, json }: MigrateArguments,
  { stage, io }: { stage: MigrateStage; io: CommandIo },
): Promise<void> {
  const text = values ? asValues(migration) : migration.text;
  if (output === undefined) io.stdout.write(text);
  else await write(output, text, stage);
  const { reports: classes, audiences, notes, skipped } = migration;
  if (json) io.stderr.write(`${JSON.stringify({ classes, audiences, notes, skipped }, null, 2)}\n`);
  else printReport(migration, io.stderr);
}

async function write(path: string, text: string, stage: MigrateStage): Promise<void> {
  await stage.writeNewFile(path, text).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "EEXIST" ? "it is there already" : (error.code ?? error.message);
    throw new ProviderError("invalid_request", `cannot write ${path}: ${why}`);
  });
}

/** The chart's `config` is the configuration file; the socket's name is a value of its own. */
function asValues({ provider, text }: Migration): string {
  return `provider: ${provider}\nconfig:\n${text.replace(/^(?=.)/gm, "  ")}`;
}

function messageOf(reason: unknown): string {
  if (reason instanceof ConfigError)
    return `the source provider's flags and variables:\n${reason.mistakes.map((one) => `  ${one}`).join("\n")}`;
  return ProviderError.from(reason).message;
}
