import { setImmediate as nextTurn } from "node:timers/promises";
import { systemClock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { fileFault } from "../shared/file-fault.js";
import { RenderWorker } from "../render/render-worker.js";
import { checkClass } from "./class-check.js";
import { type ClassFile, noKind, type Remark, readClassFile, type WrittenClass } from "./class-file.js";
import type { Command, CommandIo } from "./command-io.js";
import { commandTable } from "./command-table.js";
import { defineCommand, type Given, WrongUsage } from "./define-command.js";
import { wantsJson, writeJson } from "./json-output.js";
import { checkConfiguration } from "./configuration-check.js";
import { filesBelow } from "./files-below.js";
import { painter } from "./paint.js";
import { readText } from "./read-text.js";
import { remarksOnRepeated } from "./repeated-classes.js";
import { type RolledWorkload, rolledWorkload } from "./rolled-workload.js";
import { TextPositions } from "../shared/text-position.js";
import { workerFile } from "./worker-file.js";

/** `keymount check`: every mistake of a class at once, with its place, offline. */
export function checkCommand(worker = workerFile): Command {
  return defineCommand("check", commandTable.check, async (given, io, signal) => {
    const renderer = new RenderWorker({ worker, clock: systemClock, emit: () => {} });
    try {
      return await check(given, io, renderer, signal);
    } finally {
      await renderer.close();
    }
  });
}

interface CheckedFile {
  file: string;
  /** Of keymount itself. */
  configuration?: true;
  classes: string[];
  skipped: { kind: string; provider?: string; line: number }[];
  remarks: CheckedRemark[];
}

interface CheckedRemark {
  level: Remark["level"];
  line: number;
  column: number;
  class: string;
  message: string;
}

async function check(
  { values, operands }: Given<typeof commandTable.check>,
  io: CommandIo,
  renderer: RenderWorker,
  signal: AbortSignal,
): Promise<number> {
  const named = [...values.filename, ...operands];
  if (named.length === 0) throw new WrongUsage("name at least one file");
  const { read, fault } = await readAll(named, values.recursive, io);
  if (read.length === 0 && fault) throw fault;
  const skipped = read.flatMap((one) => ("skipped" in one ? one.skipped : []));
  const workloads = skipped.flatMap((one) => rolledWorkload(one) ?? []);
  const repeated = remarksOnRepeated(read.filter((one) => "classes" in one));
  const files: CheckedFile[] = [];
  for (const one of read) files.push(await checkFile(one, { workloads, repeated }, renderer, signal));
  const all = files.flatMap(({ remarks }) => remarks);
  const mistakes = all.filter(({ level }) => level === "mistake").length;
  const counts = { mistakes, warnings: all.length - mistakes };
  if (wantsJson(values)) writeJson(io, { files, ...counts });
  else print(files, counts, io);
  const hasClasses = files.some(
    ({ classes, skipped }) => classes.length > 0 || skipped.some(({ provider }) => provider !== undefined),
  );
  if (fault) throw fault;
  const lacking = values.require && !hasClasses;
  if (lacking) io.stderr.write("no class found, which --require asks for\n");
  return mistakes > 0 || lacking ? 1 : 0;
}

/** The files that can be read, and in one error what is wrong with the others. */
async function readAll(named: readonly string[], recursive: boolean, io: CommandIo) {
  const read: ReadFile[] = [];
  const faults: string[] = [];
  const attempt = <T>(reading: Promise<T>) =>
    reading.catch((reason: unknown) => void faults.push(ProviderError.from(reason).message));
  for (const path of named) {
    const found = await attempt(filesOf(path, recursive, io));
    if (found?.length === 0)
      io.stderr.write(`${path}: ${recursive ? noFile : `${noFile}; -R reads its directories`}\n`);
    for (const file of found ?? []) {
      const text = await attempt(readText(file, io));
      if (text !== undefined) read.push(readFile(file, text));
    }
  }
  return { read, fault: faults.length > 0 ? new ProviderError("invalid_request", faults.join("; ")) : undefined };
}

const noFile = "no .yaml, .yml or .json file in it";

/** Throws `invalid_request` for a directory that cannot be read. */
async function filesOf(path: string, recursive: boolean, io: CommandIo): Promise<string[]> {
  return filesBelow(path, recursive, io).catch((error: NodeJS.ErrnoException) => {
    throw new ProviderError("invalid_request", `cannot read ${error.path ?? path}: ${fileFault(error)}`);
  });
}

/** A file of classes and other objects, or of keymount's own configuration. */
type ReadFile = { file: string; text: string } & (ClassFile | { configuration: readonly Remark[] });

function readFile(file: string, text: string): ReadFile {
  const configuration = checkConfiguration(text);
  return { file, text, ...(configuration ? { configuration } : readClassFile(text)) };
}

/** What one file is checked with of all of them. */
interface AllFiles {
  workloads: readonly RolledWorkload[];
  repeated: ReadonlyMap<WrittenClass, Remark>;
}

async function checkFile(
  read: ReadFile,
  { workloads, repeated }: AllFiles,
  renderer: RenderWorker,
  signal: AbortSignal,
): Promise<CheckedFile> {
  const { file, text } = read;
  const positions = new TextPositions(text);
  if ("configuration" in read)
    return { file, configuration: true, classes: [], skipped: [], remarks: placed(read.configuration) };
  const { classes, skipped, remarks } = read;
  const named = (name: string, found: readonly Remark[]) => found.map((remark) => ({ ...remark, class: name }));
  const all = named("", remarks);
  for (const one of classes) {
    await nextTurn(); // A signal is heard between thousands of classes.
    signal.throwIfAborted();
    const remarks = await checkClass(one, text, workloads, renderer, signal);
    all.push(...named(one.name, [repeated.get(one) ?? [], remarks].flat()));
  }
  return {
    file,
    classes: classes.map(({ name }) => name),
    skipped: skipped.map(({ root, ...what }) => ({ ...what, line: positions.at(root.offset).line })),
    remarks: placed(all),
  };

  function placed(found: readonly (Remark & { class?: string })[]): CheckedRemark[] {
    return [...found]
      .sort((a, b) => a.offset - b.offset)
      .map(({ level, offset, class: name = "", message }) => ({
        level,
        ...positions.at(offset),
        class: name,
        message,
      }));
  }
}

/** Remarks go to stdout, where tools read them; what is for the reader only, to stderr. */
function print(files: readonly CheckedFile[], counts: { mistakes: number; warnings: number }, io: CommandIo): void {
  const paint = painter(io.stdout);
  for (const { file, remarks, skipped } of files) {
    for (const { level, line, column, message } of remarks) {
      const kind = level === "warning" ? paint("yellow", "warning: ") : "";
      io.stdout.write(
        `${paint("bold", `${file}:${line}:${column}:`)} ${kind}${level === "mistake" ? paint("red", message) : message}\n`,
      );
    }
    for (const { kind, provider, line } of skipped) {
      const isNot =
        kind === noKind
          ? "it has no kind, and is no configuration file (one document with connections)"
          : `${kind} is not SecretProviderClass`;
      const why = provider === undefined ? isNot : `its provider is ${provider}`;
      io.stderr.write(`${file}:${line}: skipped, ${why}\n`);
    }
  }
  const classes = files.reduce((sum, file) => sum + file.classes.length, 0);
  const configurations = files.filter(({ configuration }) => configuration).length;
  const { mistakes, warnings } = counts;
  const what = [
    ...(classes > 0 || configurations === 0 ? [amount(classes, "class", "classes")] : []),
    ...(configurations > 0 ? [amount(configurations, "configuration file")] : []),
  ];
  io.stderr.write(`${what.join(" and ")} checked: ${amount(mistakes, "mistake")}, ${amount(warnings, "warning")}\n`);
}

function amount(count: number, one: string, many = `${one}s`): string {
  return `${count === 0 ? "no" : count} ${count === 1 ? one : many}`;
}
