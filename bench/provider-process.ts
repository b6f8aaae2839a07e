import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePorts } from "../dev/testing/free-ports.js";
import { cpuOf } from "./process-figures.js";
import { processDirectory } from "../dev/testing/process-directory.js";

/** A provider that serves its socket in a process of its own. */
export interface ProviderProcess {
  readonly pid: number;
  readonly socketPath: string;
  /** Where its HTTP answers, `http://host:port`. */
  readonly health: string;
  /** Milliseconds from the exec until its socket was there, and of CPU until then. */
  readonly readyMs: number;
  readonly readyCpuMs: number;
  stop(): Promise<void>;
}

/** Where one is told to serve, and a directory of its own that goes with it. */
export interface Place {
  directory: string;
  socketPath: string;
  /** `host:port`. */
  healthAddress: string;
}

const timeoutMs = 20_000;

/** Starts the program that `commandAt` gives for a place, in an environment of nothing but PATH and `env`. */
export async function startProcess(
  name: string,
  env: NodeJS.ProcessEnv,
  commandAt: (place: Place) => Promise<readonly [program: string, ...args: string[]]>,
): Promise<ProviderProcess> {
  const { path: directory, remove } = await processDirectory(join(tmpdir(), "km-bench-"));
  const [socketPath, logFile] = [join(directory, "vault.sock"), join(directory, "log")];
  const { health } = await freePorts("health");
  const healthAddress = `127.0.0.1:${health}`;
  const [program, ...args] = await commandAt({ directory, socketPath, healthAddress });
  const log = openSync(logFile, "a");
  const startedAt = performance.now();
  const child = spawn(program, args, { env: { PATH: process.env["PATH"], ...env }, stdio: ["ignore", log, log] });
  closeSync(log);
  const ended = once(child, "exit");
  const kill = () => child.kill("SIGKILL");
  process.prependOnceListener("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  try {
    while (!existsSync(socketPath)) {
      if (child.exitCode !== null || performance.now() - startedAt > timeoutMs) throw new Error("no socket");
      await sleep(1);
    }
  } catch (error) {
    kill();
    const text = await readFile(logFile, "utf8");
    await remove();
    throw new Error(`${name} did not start:\n${text}`, { cause: error });
  }
  return {
    pid: child.pid!,
    socketPath,
    health: `http://${healthAddress}`,
    readyMs: performance.now() - startedAt,
    readyCpuMs: cpuOf(child.pid!),
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(kill, timeoutMs);
      await ended;
      clearTimeout(timer);
      await remove();
    },
  };
}
