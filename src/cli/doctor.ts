import { readFileSync } from "node:fs";
import { ConfigError } from "../config/config-error.js";
import { loadOptions, type OptionSources } from "../config/load-options.js";
import type { ClassInput, DoctorInput } from "../doctor/input.js";
import { examine, realSurroundings, type Surroundings } from "../doctor/examine.js";
import type { Report } from "../doctor/check-runner.js";
import { Redacted } from "../shared/redacted.js";
import { chosenClass } from "./chosen-class.js";
import type { WrittenClass } from "./class-file.js";
import type { Command, CommandIo } from "./command-io.js";
import { csiDriverInFile } from "./csi-driver-file.js";
import { devTokens } from "./dev-tokens.js";
import { commandTable } from "./command-table.js";
import { defineCommand, durationOf, type Given, WrongUsage } from "./define-command.js";
import { conclusion, ReportWriter, resultOf } from "./doctor-report.js";
import { wantsJson, writeJson } from "./json-output.js";
import { tokenClaims, type TokenSource, withUid } from "./pod-token.js";
import { readText, readToken } from "./read-text.js";
import { serveFlags } from "./serve-flags.js";
import { tokenInFile } from "./token-request-file.js";
import { workerFile } from "./worker-file.js";
import { textOf } from "./text-of.js";

/** What the command takes from the process it runs in. */
export interface DoctorStage extends Omit<OptionSources, "argv">, Surroundings {
  /** Command line of the container's first process, as in `/proc/1/cmdline`; empty where it cannot be read. */
  firstProcess: () => string;
  /** Asked where no token is given, for the provider's socket. */
  tokenSource: TokenSource;
}

export const doctorCommand = doctorOn({
  ...realSurroundings,
  workerFile,
  tokenSource: devTokens,
  env: process.env,
  execArgv: process.execArgv,
  readFile: (path) => textOf(readFileSync(path)),
  firstProcess: () => {
    try {
      return readFileSync("/proc/1/cmdline", "utf8");
    } catch {
      return ""; // Hidden, or not Linux: then only the user can give the flags.
    }
  },
});

/** `keymount doctor`. */
export function doctorOn(stage: DoctorStage): Command {
  return defineCommand("doctor", commandTable.doctor, (given, io, signal) => diagnose(given, { stage, io }, signal));
}

async function diagnose(
  given: Given<typeof commandTable.doctor>,
  { stage, io }: { stage: DoctorStage; io: CommandIo },
  signal: AbortSignal,
): Promise<number> {
  const { values } = given;
  const stepMs = durationOf("--timeout", values.timeout);
  const reports: Report[] = [];
  const json = wantsJson(values);
  const writer = new ReportWriter(io.stdout);
  const report = (one: Report) => {
    reports.push(one);
    if (!json) writer.write(one);
  };
  const input = await inputOf(given, stage, io);
  await examine(input, stage, { stepMs, report }, signal);
  writer.end();
  const result = resultOf(reports);
  if (json) writeJson(io, { result, steps: reports });
  else io.stdout.write(`\n${conclusion(reports)}`);
  return result === "broken" || (result === "incomplete" && values.strict) ? 1 : 0;
}

async function inputOf(
  { values, passed }: Given<typeof commandTable.doctor>,
  stage: DoctorStage,
  io: CommandIo,
): Promise<DoctorInput> {
  const { file, class: className, pod, uid, "token-file": tokenFile } = values;
  if (file === "-" && tokenFile === "-") {
    throw new WrongUsage(
      "the standard input is one file: put a TokenRequest beside the class, and leave out --token-file",
    );
  }
  const text = file === undefined ? "" : await readText(file, io);
  const written =
    file === undefined ? undefined : await chosenClass(file, className, { ...io, readFile: async () => text });
  const jwt = tokenFile === undefined ? tokenInFile(text) : await readToken(tokenFile, io);
  const claims = tokenClaims(jwt ?? "").pod;
  const [name, classNamespace = written?.namespace] = (className ?? "").split("/").reverse();
  const namespace = values.namespace ?? claims.namespace ?? classNamespace ?? "default";
  const inCluster = name ? { namespace: classNamespace ?? namespace, name } : undefined;
  const csiDriver = csiDriverInFile(text);
  const found = written ? inHand(written) : inCluster;
  const read = optionsOf(passed, stage);
  return {
    ...read,
    ...("socketPath" in read.options && { devToken: devTokenOf(read.options.socketPath, stage.tokenSource) }),
    ...(found && { class: found }),
    ...(csiDriver !== undefined && { csiDriver }),
    account: {
      namespace,
      serviceAccount: values["service-account"] ?? claims.serviceAccount ?? "default",
      ...(pod !== undefined && uid !== undefined && { pod: { name: pod, uid } }),
    },
    ...(jwt !== undefined && { token: new Redacted(jwt) }),
    readAll: values["read-all"],
  };
}

function devTokenOf(socketPath: string, tokenSource: TokenSource): NonNullable<DoctorInput["devToken"]> {
  return async ({ namespace, serviceAccount, pod }, audience, signal) => {
    const bound = withUid({ namespace, serviceAccount, name: "doctor", ...pod });
    const jwt = await tokenSource({ pod: bound, audience, socketPath }, signal);
    return jwt === undefined ? undefined : new Redacted(jwt);
  };
}

function inHand({ name, provider = "", parameters }: WrittenClass): ClassInput {
  return { name, provider, parameters: new Map([...parameters].map(([key, { text }]) => [key, text])) };
}

/** As `serve` in the same place would read them. */
function optionsOf(given: readonly string[], stage: DoctorStage): Pick<DoctorInput, "options" | "flagsFrom"> {
  const found = given.length === 0 ? serveFlags(stage.firstProcess()) : undefined;
  const from = found && { flagsFrom: "the keymount serve that runs here" };
  try {
    return { options: loadOptions({ ...stage, argv: found ?? given }), ...from };
  } catch (error) {
    if (error instanceof ConfigError) return { options: { mistakes: error.mistakes }, ...from };
    throw error;
  }
}
