import { systemClock } from "../shared/clock.js";
import { RenderWorker } from "../render/render-worker.js";
import { checkClass } from "./class-check.js";
import { type Remark, readClassFile } from "./class-file.js";
import type { Command, CommandIo } from "./command-io.js";
import { commandTable } from "./command-table.js";
import { defineCommand, type Given, WrongUsage } from "./define-command.js";
import { wantsJson, writeJson } from "./json-output.js";
import { painter } from "./paint.js";
import { readText } from "./read-text.js";
import { positionOf } from "./text-places.js";
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
  const files: CheckedFile[] = [];
  for (const file of named) files.push(await checkFile(file, await readText(file, io), renderer, signal));
  const all = files.flatMap(({ remarks }) => remarks);
  const mistakes = all.filter(({ level }) => level === "mistake").length;
  const counts = { mistakes, warnings: all.length - mistakes };
  if (wantsJson(values)) writeJson(io, { files, ...counts });
  else print(files, counts, io);
  const hasClasses = files.some(
    ({ classes, skipped }) => classes.length > 0 || skipped.some(({ provider }) => provider !== undefined),
  );
  return mistakes > 0 || (values.require && !hasClasses) ? 1 : 0;
}

async function checkFile(
  file: string,
  text: string,
  renderer: RenderWorker,
  signal: AbortSignal,
): Promise<CheckedFile> {
  const { classes, skipped, remarks } = readClassFile(text);
  const named = (name: string, found: readonly Remark[]) => found.map((remark) => ({ ...remark, class: name }));
  const all = named("", remarks);
  for (const one of classes) all.push(...named(one.name, await checkClass(one, text, renderer, signal)));
  return {
    file,
    classes: classes.map(({ name }) => name),
    skipped: skipped.map(({ offset, ...what }) => ({ ...what, line: positionOf(text, offset).line })),
    remarks: all
      .sort((a, b) => a.offset - b.offset)
      .map(({ level, offset, class: name, message }) => ({ level, ...positionOf(text, offset), class: name, message })),
  };
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
      const why = provider === undefined ? `${kind} is not SecretProviderClass` : `its provider is ${provider}`;
      io.stderr.write(`${file}:${line}: skipped, ${why}\n`);
    }
  }
  const classes = files.reduce((sum, file) => sum + file.classes.length, 0);
  const { mistakes, warnings } = counts;
  io.stderr.write(
    `${amount(classes, "class", "classes")} checked: ${amount(mistakes, "mistake")}, ${amount(warnings, "warning")}\n`,
  );
}

function amount(count: number, one: string, many = `${one}s`): string {
  return `${count === 0 ? "no" : count} ${count === 1 ? one : many}`;
}
