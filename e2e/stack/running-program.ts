import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { eventually } from "./eventually.js";

export interface ProgramOptions {
  /** What it is called in errors. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment; by default PATH and nothing else, so that no variable of this shell leaks in. */
  readonly env?: Readonly<Record<string, string>>;
  /** Gets stdout and stderr; made with its folder, appended to if it is there. */
  readonly log: string;
  /** A user to run as, for what refuses to be root. */
  readonly user?: string;
  /** Sent by `stop`; the default is for what needs no goodbye. */
  readonly stopSignal?: NodeJS.Signals;
}

export interface RunningProgram {
  readonly pid: number;
  readonly log: string;
  /** Resolves when it has ended, and says with which code or signal. */
  readonly ended: Promise<string>;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Ends it and everything it started; resolves when it is gone. Calling it again is fine. */
  readonly stop: () => Promise<void>;
}

/** Of everything that runs. The kernel does the same a little later, and does it when this process is killed. */
const killsAtExit = new Set<() => void>();
const killAll = () => killsAtExit.forEach((kill) => kill());

const stopGraceMs = 15_000;

/** Starts a program in a process group of its own. It cannot outlive this process: the kernel kills it then. */
export function runProgram(options: ProgramOptions): RunningProgram {
  mkdirSync(dirname(options.log), { recursive: true });
  const log = openSync(options.log, "a");
  const asUser = options.user ? ["--reuid", options.user, "--regid", options.user, "--init-groups"] : [];
  const child = spawn("setpriv", [...asUser, "--pdeathsig", "KILL", "--", options.command, ...options.args], {
    detached: true,
    stdio: ["ignore", log, log],
    env: { PATH: process.env["PATH"], ...options.env },
  });
  closeSync(log);

  const { pid } = child;
  if (pid === undefined) throw new Error(`${options.name} could not be started: is util-linux installed?`);
  const ended = once(child, "exit").then(([code, signal]) => `${options.name} ended with ${String(signal ?? code)}`);
  const kill = (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-pid, signal);
  };
  const killNow = () => kill("SIGKILL");
  killsAtExit.add(killNow);
  void ended.then(() => killsAtExit.delete(killNow));
  if (!process.listeners("exit").includes(killAll)) process.prependListener("exit", killAll);
  const stop = async () => {
    kill(options.stopSignal ?? "SIGKILL");
    const timer = setTimeout(killNow, stopGraceMs);
    await ended;
    clearTimeout(timer);
  };
  return { pid, log: options.log, ended, kill, stop };
}

/**
 * Asks `check` until it no longer throws, and hands on its answer. Throws with the end of the program's log when the
 * program ends first or `timeoutMs` have passed.
 */
export async function untilReady<T>(
  program: RunningProgram,
  check: () => Promise<T> | T,
  signal: AbortSignal,
  timeoutMs = 60_000,
): Promise<T> {
  const ended = new AbortController();
  void program.ended.then((end) => ended.abort(new Error(end)));
  try {
    return await eventually(check, AbortSignal.any([signal, ended.signal]), timeoutMs);
  } catch (error) {
    throw new Error(`${String(error)}\n${program.log} ends with:\n${await tail(program.log)}`, { cause: error });
  }
}

async function tail(log: string): Promise<string> {
  return (await readFile(log, "utf8")).split("\n").slice(-25).join("\n");
}
