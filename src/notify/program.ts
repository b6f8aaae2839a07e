import { spawn } from "node:child_process";
import { constants } from "node:os";
import { ProviderError } from "../shared/errors.js";
import { named } from "../shared/quoted.js";

/** A program that was started. */
export interface Program {
  /** Its exit code, 128 plus the signal's number where one ended it, as shells have it. Rejects with `NotStarted`. */
  exited: Promise<number>;
  /** Does nothing once it has ended. */
  kill(signal: NodeJS.Signals): void;
}

export interface ProgramOptions {
  environment?: Readonly<Record<string, string>>;
  /** Signals go to all that it starts as well. */
  group?: true;
}

export type StartProgram = (command: readonly string[], options?: ProgramOptions) => Program;

/** A program that could not be started. */
export class NotStarted extends ProviderError {
  override readonly name = "NotStarted";
  /** As shells have it. */
  readonly exitCode: 126 | 127;

  constructor(program: string, cause: NodeJS.ErrnoException) {
    const missing = cause.code === "ENOENT";
    const why = missing ? "there is no such program here" : (cause.code ?? "unknown");
    super("not_found", `${named(program)} cannot be started: ${why}`, { cause });
    this.exitCode = missing ? 127 : 126;
  }
}

/** Its output is ours. Nothing is read from our standard input. */
export const startProgram: StartProgram = ([program = "", ...args], { environment, group } = {}) => {
  const child = spawn(program, args, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...environment },
    detached: group === true,
  });
  const exited = new Promise<number>((resolve, reject) => {
    child.on("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
    child.on("error", (error) => {
      if (child.pid === undefined) reject(new NotStarted(program, error));
    });
  });
  return { exited, kill: (signal) => (group ? killGroup(child.pid, signal) : void child.kill(signal)) };
};

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
