import { parseArgs } from "node:util";
import { systemClock } from "../shared/clock.js";
import { RenderWorker } from "../render/render-worker.js";
import { checkClass } from "./class-check.js";
import { type Remark, readClassFile } from "./class-file.js";
import type { Command, CommandIo } from "./command-io.js";
import { painter } from "./paint.js";
import { otherProviders } from "./other-providers.js";
import { placeOf } from "./text-places.js";
import { workerFile } from "./worker-file.js";
import { argumentMistake, refuseUsage, unreadable } from "./wrong-usage.js";

const help = `Usage: keymount check [-f] FILE… [--json] [--require]

Reads the SecretProviderClasses in the files, without any server, and says every mistake in them as
FILE:LINE:COLUMN: MESSAGE. Files may hold several documents; those of other kinds are skipped, and so are classes whose
spec.provider is another well-known one (${[...otherProviders].join(", ")}).

  -f, --filename FILE  a file, as kubectl takes it; "-" reads the standard input
  --require            insists that there is a SecretProviderClass to check
  --json   one JSON object instead:
           {"files": [{"file", "classes": ["name"], "skipped": [{"kind", "provider"?, "line"}],
             "remarks": [{"level": "mistake"|"warning", "line", "column", "class", "message"}]}],
            "mistakes": 0, "warnings": 0}

Exit codes: 0 no mistakes (warnings do not count), 1 mistakes, or with --require no class at all, 2 wrong usage or an
unreadable file.
`;

/** `keymount check`: every mistake of a class at once, with its place, offline. */
export function checkCommand(worker = workerFile): Command {
  return {
    help,
    run: async (argv, io, signal) => {
      const renderer = new RenderWorker({ worker, clock: systemClock, emit: () => {} });
      try {
        return await run(argv, io, renderer, signal);
      } finally {
        await renderer.close();
      }
    },
  };
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

async function run(
  argv: readonly string[],
  io: CommandIo,
  renderer: RenderWorker,
  signal: AbortSignal,
): Promise<number> {
  const asked = argumentsOf(argv);
  if (typeof asked === "string") return refuseUsage(io, "check", asked);
  if (asked.help) {
    io.stdout.write(help);
    return 0;
  }
  const files: CheckedFile[] = [];
  for (const file of asked.files) {
    const text = await io.readFile(file).catch((error: NodeJS.ErrnoException) => error);
    if (typeof text !== "string") {
      io.stderr.write(`keymount check: ${unreadable(file, text)}\n`);
      return 2;
    }
    files.push(await checkFile(file, text, renderer, signal));
  }
  const all = files.flatMap(({ remarks }) => remarks);
  const mistakes = all.filter(({ level }) => level === "mistake").length;
  const counts = { mistakes, warnings: all.length - mistakes };
  if (asked.json) io.stdout.write(`${JSON.stringify({ files, ...counts }, null, 2)}\n`);
  else print(files, counts, io);
  const hasClasses = files.some(
    ({ classes, skipped }) => classes.length > 0 || skipped.some(({ provider }) => provider !== undefined),
  );
  return mistakes > 0 || (asked.require && !hasClasses) ? 1 : 0;
}

interface CheckArguments {
  files: readonly string[];
  json: boolean;
  require: boolean;
  help: boolean;
}

function argumentsOf(argv: readonly string[]): CheckArguments | string {
  try {
    const options = {
      filename: { type: "string", short: "f", multiple: true },
      json: { type: "boolean" },
      require: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    } as const;
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    const files = [...(values.filename ?? []), ...positionals];
    if (files.length === 0 && !values.help) return "name at least one file";
    return { files, json: values.json ?? false, require: values.require ?? false, help: values.help ?? false };
  } catch (error) {
    return argumentMistake(error);
  }
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
    skipped: skipped.map(({ offset, ...what }) => ({ ...what, line: placeOf(text, offset).line })),
    remarks: all
      .sort((a, b) => a.offset - b.offset)
      .map(({ level, offset, class: name, message }) => ({ level, ...placeOf(text, offset), class: name, message })),
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
