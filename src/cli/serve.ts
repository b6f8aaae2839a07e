import { readFileSync } from "node:fs";
import { getHeapStatistics } from "node:v8";
import { ConfigError } from "../config/config-error.js";
import { oldSpaceBytes } from "../config/heap-room.js";
import { loadOptions } from "../config/load-options.js";
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
import type { CommandIo } from "./command-io.js";
import { commandTable } from "./command-table.js";
import { defineCommand, refuseUsage } from "./define-command.js";
import { packageVersion } from "./package-version.js";
import { workerFile } from "./worker-file.js";
import { textOf } from "./text-of.js";

/** Longer than a stop takes that answers open Mounts and lets their answers out (see `rpc/server.ts`). */
const longestReleaseMs = 20_000;

export const serveCommand = defineCommand("serve", commandTable.serve, async ({ values, passed }, io, signal) => {
  // One dash or two, as with all flags of serve.
  const onlyCheck = values["check-config"] || passed.includes("-check-config");
  return onlyCheck ? checkConfiguration(passed, io) : serve(passed, io, signal);
});

/** Gives the exit code: 1 for any mistake, none for what is worth a warning. */
function checkConfiguration(argv: readonly string[], io: CommandIo): number {
  const options = readOptions(argv, io);
  if (!options) return 1;
  for (const note of options.notes) io.stderr.write(`keymount serve: warning: ${note}\n`);
  const { connections, defaultConnection } = options.operator;
  const names = connections.map(({ name }) => (name === defaultConnection.name ? `${name} (default)` : name));
  io.stdout.write(
    `the configuration has no mistakes: provider ${options.providerName}, connections ${names.join(", ")}\n`,
  );
  return 0;
}

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
    const surroundings = { log, clock: systemClock, random: Math.random };
    const cluster = await clusterParts(options, releases, surroundings, ended);
    const parts = { ...cluster, ...surroundings, options, version: packageVersion, workerFile };
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
      // Even with the log turned off, the reason must be shown.
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
      heapBytes: oldSpaceBytes(process, getHeapStatistics().heap_size_limit),
      readFile: (path) => textOf(readFileSync(path)),
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { mistakes } = error;
    const [only = "", ...more] = mistakes;
    if (more.length === 0) refuseUsage(io, "serve", only);
    else {
      const list = mistakes.map((mistake) => `  ${mistake}\n`).join("");
      io.stderr.write(`keymount serve: invalid configuration:\n${list}see keymount serve --help\n`);
    }
    return undefined;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
