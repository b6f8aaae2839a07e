import { ConfigError } from "../config/config-error.js";
import type { WrittenClass } from "../migrate/analyzed-class.js";
import { readSourceProvider } from "../migrate/source-provider.js";
import { readInstallation } from "../migrate/installation.js";
import { migrate, type Migration } from "../migrate/migration.js";
import { ProviderError } from "../shared/errors.js";
import { isDnsSubdomain } from "../shared/kubernetes-names.js";
import { readClassFile } from "./class-file.js";
import type { Command, CommandIo } from "./command-io.js";
import { commandTable } from "./command-table.js";
import { defineCommand, type Given, WrongUsage } from "./define-command.js";
import { wantsJson, writeJson } from "./json-output.js";
import { printReport } from "./migrate-report.js";
import { readText } from "./read-text.js";
import { positionOf } from "../shared/text-position.js";
import { type NewFile, writeNewFiles } from "./write-new-files.js";

/** What the command does to the world beside reading. */
export interface MigrateStage {
  writeNewFiles: typeof writeNewFiles;
}

export const migrateCommand = migrateOn({ writeNewFiles });

/** `keymount migrate`. */
export function migrateOn(stage: MigrateStage): Command {
  return defineCommand("migrate", commandTable.migrate, async (given, io) => {
    checkArguments(given);
    const migration = await migrationOf(given, io);
    await deliver(migration, given.values, { stage, io });
    const refused = migration.reports.some(({ outcome }) => outcome === "refused");
    return refused || migration.blockers.length > 0 || (migration.secretSyncs?.refused.length ?? 0) > 0 ? 1 : 0;
  });
}

type MigrateGiven = Given<typeof commandTable.migrate>;

function checkArguments({ values }: MigrateGiven): void {
  const { file, daemonset, "secret-sync": secretSync, "service-account": account } = values;
  if (file.length === 0) {
    throw new WrongUsage("name the file that holds the classes: -f FILE, or -f - for kubectl's output");
  }
  if ([...file, daemonset].filter((input) => input === "-").length > 1) {
    throw new WrongUsage("the standard input is one file");
  }
  if (secretSync !== undefined && secretSync === values.write) {
    throw new WrongUsage("--write and --secret-sync name the same file");
  }
  if (account !== undefined && !isDnsSubdomain(account)) {
    throw new WrongUsage("--service-account is not the name of a service account");
  }
}

async function migrationOf({ values, passed: flags }: MigrateGiven, io: CommandIo): Promise<Migration> {
  const { file: files, daemonset, namespace, provider: providerName, "service-account": account } = values;
  const classes: WrittenClass[] = [];
  for (const file of files) classes.push(...classesIn(file, await readText(file, io), namespace));
  const installation = daemonset === undefined ? undefined : installationIn(daemonset, await readText(daemonset, io));
  return settled(() => migrate(classes, readSourceProvider({ installation, flags, providerName }), account));
}

/** The other provider's flags and variables may be at fault. */
function settled<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const list = error.mistakes.map((one) => `\n  ${one}`).join("");
    throw new ProviderError("invalid_request", `the source provider's flags and variables:${list}`, { cause: error });
  }
}

/** Throws `invalid_request` for what an API server would not have. */
function classesIn(file: string, text: string, otherwise: string): WrittenClass[] {
  const { classes, skipped, remarks } = readClassFile(text);
  const mistake = remarks.find(({ level }) => level === "mistake");
  if (mistake) {
    const { line, column } = positionOf(text, mistake.offset);
    throw new ProviderError("invalid_request", `${file}:${line}:${column}: ${mistake.message}`);
  }
  const none: WrittenClass["parameters"] = new Map();
  return [
    ...classes.map(({ name, namespace = otherwise, provider = "", parameters, secretObjects }) => ({
      name,
      namespace,
      provider,
      parameters: new Map([...parameters].map(([key, value]) => [key, value.text])),
      ...(secretObjects && { secretObjects }),
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
  values: MigrateGiven["values"],
  { stage, io }: { stage: MigrateStage; io: CommandIo },
): Promise<void> {
  const configuration = values.values ? asValues(migration) : asFile(migration);
  const { reports: classes, audiences, blockers, notes, skipped, secretSyncs } = migration;
  const file = values["secret-sync"];
  const files: NewFile[] = [];
  if (values.write !== undefined) files.push({ path: values.write, text: configuration });
  if (file !== undefined && secretSyncs && secretSyncs.amount > 0) files.push({ path: file, text: secretSyncs.text });
  await stage.writeNewFiles(files);
  if (wantsJson(values)) {
    const { text: _text, ...synced } = secretSyncs ?? { text: "" };
    const all = { classes, audiences, blockers, notes, skipped, ...(secretSyncs && { secretSyncs: synced }) };
    return writeJson(io, { ...all, configuration });
  }
  if (values.write === undefined) io.stdout.write(configuration);
  printReport(migration, io.stderr);
}

/** The chart's `config` is the configuration file; the socket's name and directories are values of their own. */
function asValues({ provider, keySecret, additionalSocketDirectory: second, text }: Migration): string {
  const key = keySecret === undefined ? "" : `key:\n  secretName: ${keySecret}\n`;
  const sockets = second === undefined ? "" : `sockets:\n  additionalDirectory: ${second}\n`;
  return `${imageComment}provider: ${provider}\n${key}${sockets}config:\n${text.replace(/^(?=.)/gm, "  ")}`;
}

const imageComment =
  "# image.repository: the registry's name of the image that you pushed; none is published yet (docs/install.md)\n";

function asFile({ keySecret, text }: Migration): string {
  return keySecret === undefined ? text : `${text}keySecret: ${keySecret}\n`;
}
