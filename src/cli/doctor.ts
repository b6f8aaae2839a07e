import { readFileSync } from "node:fs";
import { ConfigError } from "../config/config-error.js";
import { loadOptions, type OptionSources } from "../config/load-options.js";
import type { ClassInput, DoctorInput } from "../doctor/input.js";
import { examine, realSurroundings, type Surroundings } from "../doctor/examine.js";
import type { Report } from "../doctor/check-runner.js";
import { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import { chosenClass, readText } from "./chosen-class.js";
import type { WrittenClass } from "./class-file.js";
import type { Command, CommandIo } from "./command-io.js";
import { csiDriverInFile } from "./csi-driver-file.js";
import { type DoctorArguments, doctorArguments } from "./doctor-arguments.js";
import { conclusion, ReportWriter } from "./doctor-report.js";
import { devTokens } from "./dev-tokens.js";
import { tokenClaims, type TokenSource, withUid } from "./pod-token.js";
import { serveFlags } from "./serve-flags.js";
import { tokenInFile } from "./token-request-file.js";
import { workerFile } from "./worker-file.js";
import { refuseUsage } from "./wrong-usage.js";

const help = `Usage: keymount doctor [OPTION…] [OPTION OF serve…]

Walks the way of a Mount, from the driver's socket to each secret, and reports what is broken and who can fix it
(docs/doctor.md). Reads serve's flags, environment and file; in keymount's own container, without any of serve's flags,
those that serve was started with. It does not disturb a running provider, and prints no token and no secret.

  -f, --file FILE          holds the SecretProviderClass to look at; - is the standard input
      --class NAME         which one, where the file holds several; without a file, of the cluster's ([NAMESPACE/]NAME)
  -n, --namespace NAME     of the application; by default the token's, then the class's, then default
      --service-account NAME  by default the token's, then "default"
      --token-file FILE    a token of that account (kubectl create token …); - is the standard input. A TokenRequest in
                           the class's file does as well. Without, a keymount dev beside the provider's socket is asked
                           for one, or, inside a cluster, the API server
      --pod NAME, --uid UID  bind the token that is asked for to this pod
      --read-all           also read objects that make or issue something at every read
      --timeout DURATION   for one step; by default 10s
      --json               an array of steps instead:
                           [{"step", "subject", "result": "passed"|"broken"|"skipped", "ms",
                             "facts"?, "warnings"?, "problem"?, "what"?, "fix"?, "who"?, "because"?}]

Exit codes: 0 nothing is broken, 1 something is, 2 wrong usage or an unreadable file.
`;

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
  readFile: (path) => readFileSync(path, "utf8"),
  firstProcess: () => {
    try {
      return readFileSync("/proc/1/cmdline", "utf8");
    } catch {
      return ""; // Hidden, or not Linux: then nobody but the user says which flags.
    }
  },
});

/** `keymount doctor`. */
export function doctorOn(stage: DoctorStage): Command {
  return {
    help,
    run: (argv, io, signal) => run(argv, { stage, io }, signal),
  };
}

async function run(
  argv: readonly string[],
  { stage, io }: { stage: DoctorStage; io: CommandIo },
  signal: AbortSignal,
): Promise<number> {
  const asked = doctorArguments(argv);
  if ("mistake" in asked) return refuseUsage(io, "doctor", asked.mistake);
  const reports: Report[] = [];
  const writer = new ReportWriter(io.stdout);
  const report = (one: Report) => {
    reports.push(one);
    if (!asked.json) writer.write(one);
  };
  try {
    const input = await inputOf(asked, stage, io);
    await examine(input, stage, { stepMs: asked.timeoutMs, report }, signal);
    writer.end();
  } catch (error) {
    const { code, message } = ProviderError.from(error);
    io.stderr.write(`keymount doctor: ${message}\n`);
    return code === "invalid_request" ? 2 : 1;
  }
  if (asked.json) io.stdout.write(`${JSON.stringify(reports, null, 2)}\n`);
  else io.stdout.write(`\n${conclusion(reports)}`);
  return reports.some(({ result }) => result === "broken") ? 1 : 0;
}

async function inputOf(asked: DoctorArguments, stage: DoctorStage, io: CommandIo): Promise<DoctorInput> {
  const { file, className, pod, uid, readAll } = asked;
  const text = file === undefined ? "" : await readText(file, io);
  const written =
    file === undefined ? undefined : await chosenClass(file, className, { ...io, readFile: async () => text });
  const jwt = asked.tokenFile === undefined ? tokenInFile(text) : (await readText(asked.tokenFile, io)).trim();
  const claims = tokenClaims(jwt ?? "").pod;
  const [name, classNamespace = written?.namespace] = (className ?? "").split("/").reverse();
  const namespace = asked.namespace ?? claims.namespace ?? classNamespace ?? "default";
  const inCluster = name ? { namespace: classNamespace ?? namespace, name } : undefined;
  const csiDriver = csiDriverInFile(text);
  const found = written ? inHand(written) : inCluster;
  const read = optionsOf(asked.provider, stage);
  return {
    ...read,
    ...("socketPath" in read.options && { devToken: devTokenOf(read.options.socketPath, stage.tokenSource) }),
    ...(found && { class: found }),
    ...(csiDriver !== undefined && { csiDriver }),
    account: {
      namespace,
      serviceAccount: asked.serviceAccount ?? claims.serviceAccount ?? "default",
      ...(pod !== undefined && uid !== undefined && { pod: { name: pod, uid } }),
    },
    ...(jwt !== undefined && { token: new Redacted(jwt) }),
    readAll,
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
