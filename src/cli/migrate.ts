import { parseArgs } from "node:util";
import { ConfigError } from "../config/config-error.js";
import { loadOptions } from "../config/load-options.js";
import type { Options } from "../config/options.js";
import { type FormerProvider, formerProviderIn } from "../migrate/former-provider.js";
import { operatorFileText } from "../migrate/operator-file-text.js";
import { type Former, type Plan, planFor } from "../migrate/plan.js";
import { type SurveyedClass, surveyClass } from "../migrate/surveyed-class.js";
import { type Verdict, verdictOn } from "../migrate/verdict.js";
import { named } from "../shared/quoted.js";
import { readClassFile } from "./class-file.js";
import type { Command, CommandIo } from "./command-io.js";

const help = `Usage: keymount migrate -f FILE… [--provider NAME] [--daemonset FILE] [--json] [-- FLAG…]

Reads what \`kubectl get secretproviderclass -A -o yaml\` prints, writes the operator's file that these classes need to
standard output, and says on standard error which of them would be refused, or would behave otherwise, and why.

  -f FILE            the classes; - is standard input. May be given several times
  --provider NAME    spec.provider of the classes to look at; the others are counted (default: vault)
  --daemonset FILE   what \`kubectl get daemonset -o yaml\` prints of the former provider: its flags and variables
  --json             the report as one JSON object on standard error:
                     {"classes": [{"namespace", "name", "outcome": "same"|"different"|"refused", "reasons": []}],
                      "skipped": 0, "audiences": []}
  -- FLAG…           flags of the former provider, such as --vault-addr; they win over the DaemonSet's

Exit codes: 0 every class works, 1 a class would be refused (the file is written all the same), 2 wrong usage, an
unreadable file, or no class to look at.
`;

export const migrateCommand: Command = {
  summary: "write the operator's file for the classes of a cluster",
  help,
  run: (argv, io) => run(argv, io),
};

interface Asked {
  files: readonly string[];
  provider: string;
  daemonSet: string | undefined;
  json: boolean;
  help: boolean;
  formerFlags: readonly string[];
}

interface Survey {
  classes: SurveyedClass[];
  skipped: number;
}

async function run(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const asked = argumentsOf(argv);
    if (asked.help) {
      io.stdout.write(help);
      return 0;
    }
    return await migrate(asked, io);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    io.stderr.write(`keymount migrate: ${error.message}\n`);
    return 2;
  }
}

class UsageError extends Error {}

async function migrate(asked: Asked, io: CommandIo): Promise<number> {
  const survey = await surveyOf(asked, io);
  const former = formerOf(await formerProvider(asked, io), asked);
  const plan = planFor(survey.classes, asked.provider, former);
  if (!plan)
    throw new UsageError(
      "no class names a vaultAddress; say what the former provider was told: --daemonset FILE, or -- --vault-addr=…",
    );
  const text = operatorFileText(plan);
  const { operator } = loadOptions({ argv: ["--config=written"], env: {}, execArgv: [], readFile: () => text });
  const verdicts = survey.classes.map((one) => verdictOn(one, operator, asked.provider));
  io.stdout.write(text);
  if (asked.json)
    io.stderr.write(
      `${JSON.stringify({ classes: verdicts, skipped: survey.skipped, audiences: plan.audiences }, null, 2)}\n`,
    );
  else report(verdicts, survey, plan, io);
  return verdicts.some(({ outcome }) => outcome === "refused") ? 1 : 0;
}

function argumentsOf(argv: readonly string[]): Asked {
  const end = argv.includes("--") ? argv.indexOf("--") : argv.length;
  try {
    const { values } = parseArgs({
      args: argv.slice(0, end),
      options: {
        file: { type: "string", short: "f", multiple: true, default: [] },
        provider: { type: "string", default: "vault" },
        daemonset: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const { file: files, provider, daemonset: daemonSet, json, help: wantsHelp } = values;
    if (files.length === 0 && !wantsHelp)
      throw new UsageError("name the classes' file: -f FILE, or -f - for standard input");
    return { files, provider, daemonSet, json, help: wantsHelp, formerFlags: argv.slice(end + 1) };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : "wrong arguments");
  }
}

async function surveyOf({ files, provider }: Asked, io: CommandIo): Promise<Survey> {
  const survey: Survey = { classes: [], skipped: 0 };
  for (const file of files) {
    const read = readClassFile(await textOf(file, io));
    survey.skipped += read.skipped.filter(({ kind }) => kind === "SecretProviderClass").length;
    for (const { name, namespace = "default", provider: own, parameters } of read.classes) {
      if (own !== provider) survey.skipped += 1;
      else {
        const texts = new Map([...parameters].map(([key, parameter]) => [key, parameter.text]));
        survey.classes.push(surveyClass({ namespace, name }, texts));
      }
    }
  }
  if (survey.classes.length === 0)
    throw new UsageError(`no class of the provider ${named(provider)} in ${files.join(", ")}`);
  const key = ({ namespace, name }: SurveyedClass) => `${namespace}/${name}`;
  survey.classes.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return survey;
}

async function textOf(file: string, io: CommandIo): Promise<string> {
  return io.readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`cannot read ${file}: ${error.code ?? error.message}`);
  });
}

async function formerProvider({ daemonSet }: Asked, io: CommandIo): Promise<FormerProvider> {
  if (daemonSet === undefined) return { args: [], env: {}, agent: false };
  const found = formerProviderIn(await textOf(daemonSet, io));
  if (!found) throw new UsageError(`${daemonSet} holds no container of a csi-provider`);
  return found;
}

/** Its flags and variables, read as `serve` reads them. */
function formerOf({ args, env }: FormerProvider, { formerFlags }: Asked): Former {
  const options = optionsOf([...args, ...formerFlags], env);
  const secret = options?.key && "secret" in options.key ? options.key.secret.name : undefined;
  const connection = options?.operator.defaultConnection;
  return { ...(connection && { connection }), ...(secret && { keySecret: secret }) };
}

function optionsOf(argv: readonly string[], env: FormerProvider["env"]): Options | undefined {
  const told = argv.length > 0 || Object.keys(env).length > 0;
  if (!told) return undefined;
  try {
    return loadOptions({ argv, env, execArgv: [], readFile: () => "" });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError(
      `the former provider's flags and variables:\n${error.mistakes.map((mistake) => `  ${mistake}`).join("\n")}`,
    );
  }
}

function report(verdicts: readonly Verdict[], { skipped }: Survey, plan: Plan, io: CommandIo): void {
  const of = (outcome: Verdict["outcome"]) => verdicts.filter((verdict) => verdict.outcome === outcome);
  const lines = [
    ...section("would be refused", of("refused")),
    ...section("would behave otherwise", of("different")),
    `${of("same").length} of ${verdicts.length} classes work as they are, ${of("different").length} with a difference, ${of("refused").length} not at all.`,
    ...(skipped > 0 ? [`${skipped} classes are of other providers.`] : []),
    "The CSIDriver object secrets-store.csi.k8s.io must have",
    `  tokenRequests: [${plan.audiences.map((audience) => `{audience: ${JSON.stringify(audience)}}`).join(", ")}]`,
    "Every object gets a new version once, at the switch.",
  ];
  io.stderr.write(`${lines.join("\n")}\n`);
}

function section(title: string, verdicts: readonly Verdict[]): string[] {
  return verdicts.flatMap(({ namespace, name, reasons }) => [
    `${named(namespace)}/${named(name)} ${title}:`,
    ...reasons.map((reason) => `  ${reason}`),
  ]);
}
