import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { imageEnvironment } from "../dev/testing/image.js";
import { freePorts } from "../e2e/stack/free-ports.js";
import { cpuOf } from "./process-figures.js";
import type { BenchVault } from "./vault.js";

/** The built keymount, serving in a process of its own. */
export interface Provider {
  readonly pid: number;
  readonly socketPath: string;
  /** Where its HTTP answers, `http://host:port`. */
  readonly health: string;
  /** Milliseconds from the exec until its socket was there, and of CPU until then. */
  readonly readyMs: number;
  readonly readyCpuMs: number;
  /** A sample of `/metrics`: the sum over all labels. */
  metric(name: string): Promise<number>;
  stop(): Promise<void>;
}

const timeoutMs = 20_000;

/** As the image has it, filled by the first start; Node 20 knows none. */
const compileCache = fileURLToPath(new URL("../.cache/compiled", import.meta.url));

/** The Node that runs keymount. */
export interface NodeBinary {
  path: string;
  flags: readonly string[];
}

export interface ProviderOptions {
  /** Whether it keeps state, on a tmpfs as on a node. */
  state?: boolean;
  /** An operator's file, which names the Vault; otherwise the address alone is given. */
  settings?: object;
}

/** Starts `dist/keymount.js serve` in an environment of nothing but PATH and what the image has. */
export async function startProvider(
  node: NodeBinary,
  { address, caFile }: Pick<BenchVault, "address" | "caFile">,
  { state = false, settings }: ProviderOptions = {},
): Promise<Provider> {
  const directory = await mkdtemp(join(tmpdir(), "km-bench-"));
  const [socketPath, keyFile, logFile] = [
    join(directory, "vault.sock"),
    join(directory, "key"),
    join(directory, "log"),
  ];
  const configFile = join(directory, "keymount.yaml");
  if (settings) await writeFile(configFile, JSON.stringify(settings));
  const stateDirectory = await mkdtemp("/dev/shm/km-bench-");
  await writeFile(keyFile, Buffer.alloc(32, 7));
  const { health } = await freePorts("health");
  const log = openSync(logFile, "a");
  const startedAt = performance.now();
  const child = spawn(
    node.path,
    [
      ...node.flags,
      "dist/keymount.js",
      "serve",
      `--endpoint=unix://${socketPath}`,
      ...(settings ? [`--config=${configFile}`] : [`--vault-addr=${address}`]),
      ...(caFile === undefined ? [] : [`--vault-tls-ca-cert=${caFile}`]),
      `--key-file=${keyFile}`,
      `--health-addr=127.0.0.1:${health}`,
      ...(state ? [`--state-dir=${stateDirectory}`] : []),
    ],
    {
      env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: compileCache, ...imageEnvironment },
      stdio: ["ignore", log, log],
    },
  );
  closeSync(log);
  const ended = once(child, "exit");
  try {
    while (!existsSync(socketPath)) {
      if (child.exitCode !== null || performance.now() - startedAt > timeoutMs) throw new Error("no socket");
      await sleep(1);
    }
  } catch (error) {
    child.kill("SIGKILL");
    throw new Error(`keymount did not start:\n${await readFile(logFile, "utf8")}`, { cause: error });
  }
  const readyMs = performance.now() - startedAt;
  return {
    pid: child.pid!,
    socketPath,
    health: `http://127.0.0.1:${health}`,
    readyMs,
    readyCpuMs: cpuOf(child.pid!),
    metric: async (name) => sumOf(name, await (await fetch(`http://127.0.0.1:${health}/metrics`)).text()),
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
      await ended;
      clearTimeout(timer);
      await rm(directory, { recursive: true });
      await rm(stateDirectory, { recursive: true });
    },
  };
}

/** Zero where it has no sample yet. */
function sumOf(name: string, exposition: string): number {
  const samples = exposition.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
