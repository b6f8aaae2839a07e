import { join } from "node:path";
import { freePorts } from "../../dev/testing/free-ports.js";
import { inPod, type ServiceAccount } from "./pod-view.js";
import { type RunningProgram, runProgram, untilReady } from "./running-program.js";
import type { Stack } from "./stack.js";

const bundle = join(import.meta.dirname, "..", "..", "dist", "keymount.js");

export interface KeymountOptions {
  /** The class's `spec.provider`, and so the socket's name. */
  readonly provider: string;
  /** The folder of the sockets. */
  readonly sockets: string;
  /** Further flags of `serve`; by default the shared Vault's address and nothing else. */
  readonly flags?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Runs it as a pod of that account; by default it is given the key in a file and knows of no cluster. */
  readonly serviceAccount?: ServiceAccount | undefined;
  /** Node's own flags, as the image's entrypoint has them; none unless given. */
  readonly nodeFlags?: readonly string[] | undefined;
  /** The folder of a control group that it runs in, with its workers; the tests' own unless given. */
  readonly cgroup?: string | undefined;
  /** Prefix of the log's path. */
  readonly logs: string;
}

export interface Keymount {
  readonly socket: string;
  /** Where its HTTP answers, `http://host:port`. */
  readonly health: string;
  readonly log: string;
  /** Of the process that runs now. */
  readonly pid: () => number;
  /** How often it has answered a Mount, with any outcome. */
  readonly mounts: () => Promise<number>;
  /** Ends it as a crash would: the socket file stays. */
  readonly crash: () => Promise<void>;
  /** Starts it again on the same socket. */
  readonly start: () => Promise<void>;
  /** Ends it as a DaemonSet's update would. Throws when it has to be killed. */
  readonly stop: () => Promise<void>;
}

/** `keymount serve`, as built by `npm run build`, in a process of its own. */
export async function startKeymount(stack: Stack, options: KeymountOptions, signal: AbortSignal): Promise<Keymount> {
  const { provider, sockets, flags, env = {}, serviceAccount, nodeFlags = [], cgroup, logs } = options;
  const { http } = await freePorts("http");
  const socket = join(sockets, `${provider}.sock`);
  const health = `http://127.0.0.1:${http}`;
  const log = join(logs, `keymount-${provider}.log`);
  const commandLine = [
    ...(cgroup ? inCgroup(cgroup) : []),
    process.execPath,
    ...nodeFlags,
    bundle,
    "serve",
    `--endpoint=unix://${socket}`,
    `--health-addr=127.0.0.1:${http}`,
    ...(serviceAccount ? [] : [`--key-file=${stack.keyFile}`]),
    "--log-level=debug",
    ...(flags ?? [`--vault-addr=${stack.vault.address}`]),
  ] as [string, ...string[]];
  const [command, ...args] = commandLine;
  const pod = serviceAccount && (await inPod(stack.kubernetes, serviceAccount, sockets, commandLine));
  const how = { command, args, ...pod, env: { ...pod?.env, ...env }, log, stopSignal: "SIGTERM" } as const;
  let program: RunningProgram;
  let crash: string | undefined;
  const start = async () => {
    program = runProgram({ name: `keymount (${provider})`, ...how });
    crash = undefined;
    await untilReady(program, () => ready(`${health}/readyz`), signal);
  };
  await start();
  return {
    socket,
    health,
    log,
    pid: () => program.pid,
    mounts: () => countMounts(`${health}/metrics`),
    start,
    crash: async () => {
      program.kill("SIGKILL");
      crash = await program.ended;
    },
    stop: async () => {
      await program.stop();
      const end = await program.ended;
      if (end !== crash && !end.endsWith("with 0")) throw new Error(`${end} when it was asked to stop: see ${log}`);
    },
  };
}

/** Runs what follows in that group. A group's processes are written to it one by one (cgroups(7)). */
const inCgroup = (folder: string) => ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', folder];

async function ready(url: string): Promise<void> {
  const { status } = await fetch(url);
  if (status !== 200) throw new Error(`${url} answers ${status}`);
}

async function countMounts(url: string): Promise<number> {
  const text = await (await fetch(url)).text();
  const counts = [...text.matchAll(/^keymount_mounts_total(?:\{[^}]*\})? (\d+)$/gm)].map(([, count]) => Number(count));
  return counts.reduce((sum, count) => sum + count, 0);
}
