import { readFileSync } from "node:fs";
import { ConfigError } from "../config/config-error.js";
import { loadOptions } from "../config/load-options.js";
import { optionsHelp } from "../config/settings.js";
import { startDaemon } from "../daemon/daemon.js";
import { clusterParts } from "../daemon/cluster-parts.js";
import { CleanupStack } from "../daemon/cleanup-stack.js";
import { UncaughtExceptions } from "../daemon/uncaught-exceptions.js";
import { systemClock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { within } from "../shared/within.js";
import { describeError } from "../telemetry/describe-error.js";
import { logKeys } from "../telemetry/log-keys.js";
import { type Log, createLog } from "../telemetry/log.js";
import type { Command, CommandIo } from "./command-io.js";
import { packageVersion } from "./package-version.js";
import { workerFile } from "./worker-file.js";

/** Longer than a stop takes that answers open Mounts and lets their answers out (see `rpc/server.ts`). */
const longestReleaseMs = 20_000;

const help = `Usage: keymount serve [OPTION…]

Runs the provider: answers the CSI driver's calls at a unix socket until SIGTERM or SIGINT, then finishes what is open and
ends. A second signal ends it at once.

${optionsHelp()}
Exit codes: 0 stopped as asked, 1 failed, 2 the configuration is at fault (every mistake is named).
`;

export const serveCommand: Command = { help, run: serve };

async function serve(argv: readonly string[], io: CommandIo, signal: AbortSignal): Promise<number> {
  const options = readOptions(argv, io);
  if (!options) return 2;
  const log = createLog(options.logLevel);
  for (const note of options.notes) log.warn({ [logKeys.note]: note }, "configuration");
  const releases = new CleanupStack();
  const broken = new AbortController();
  const uncaught = new UncaughtExceptions({
    log,
    clock: systemClock,
    giveUp: (reason) => broken.abort(reason),
  });
  process.on("uncaughtException", uncaught.note);
  const ended = AbortSignal.any([signal, broken.signal]);
  try {
    const cluster = await clusterParts(options, releases, log, systemClock, ended);
    const parts = {
      ...cluster,
      options,
      version: packageVersion,
      workerFile,
      log,
      clock: systemClock,
      random: Math.random,
    };
    const daemon = await startDaemon(parts, ended);
    releases.add(() => daemon.stop());
    uncaught.survive(() => daemon.countUncaught());
    await aborted(ended);
    if (broken.signal.aborted) throw broken.signal.reason;
    log.info({ [logKeys.reason]: ProviderError.from(signal.reason).message }, "stopping");
    await released(releases, log);
    log.info("stopped");
    return 0;
  } catch (error) {
    if (!signal.aborted) {
      log.fatal(describeError(error), "cannot serve");
      // Whoever wants no log must still learn why there is no provider.
      if (options.logLevel === "silent") io.stderr.write(`keymount serve: ${ProviderError.from(error).message}\n`);
    }
    await released(releases, log);
    if (signal.aborted) return 0;
    return error instanceof ProviderError && error.code === "invalid_request" ? 2 : 1;
  } finally {
    process.off("uncaughtException", uncaught.note);
  }
}

/** What was started is released as far as it can be: what hangs or fails keeps no process that is to end. */
async function released(releases: CleanupStack, log: Log): Promise<void> {
  await within(longestReleaseMs, releases.run(), systemClock).catch((error: unknown) => {
    log.error(describeError(error), "not everything could be released");
  });
}

/** Mistakes are for the person who starts it, so they are written as text, not as log lines. */
function readOptions(argv: readonly string[], io: CommandIo) {
  try {
    return loadOptions({
      argv,
      env: process.env,
      execArgv: process.execArgv,
      readFile: (path) => readFileSync(path, "utf8"),
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.stderr.write(
      `keymount serve: the configuration is at fault:\n${error.mistakes.map((mistake) => `  ${mistake}\n`).join("")}`,
    );
    return undefined;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
