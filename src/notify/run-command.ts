import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { raceAbort } from "../shared/join-signals.js";
import { named } from "../shared/quoted.js";
import { within } from "../shared/within.js";
import type { Program, StartProgram } from "./program.js";

/** Between SIGTERM and SIGKILL of a command that takes too long, or when we are to end. */
const stopMs = 5_000;

/**
 * Runs a command to its end, with the changed volumes in `KEYMOUNT_VOLUMES`, separated by colons. Gives what was done. Throws
 * where it fails or takes too long; then it has ended, as also when the signal aborts.
 */
export async function runCommand(
  { command, timeoutMs }: { command: readonly string[]; timeoutMs: number },
  volumes: readonly string[],
  { start, clock }: { start: StartProgram; clock: Clock },
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted();
  const program = start(command, { environment: { KEYMOUNT_VOLUMES: volumes.join(":") }, group: true });
  const name = named(command[0]!);
  const code = await raceAbort(within(timeoutMs, program.exited, clock), signal).catch(async (error: unknown) => {
    if (signal.aborted) await stopProgram(program, stopMs, clock);
    throw error;
  });
  if (code === 0) return `${name} has run`;
  if (code !== "too late") throw new ProviderError("unavailable", `${name} failed with exit code ${code}`);
  await stopProgram(program, stopMs, clock);
  throw new ProviderError("deadline_exceeded", `${name} was ended: it ran for more than ${timeoutMs / 1000} s`);
}

/** Ends a program: SIGTERM, and SIGKILL after `ms`. Gives its exit code. */
export async function stopProgram(program: Program, ms: number, clock: Clock): Promise<number> {
  program.kill("SIGTERM");
  const code = await within(ms, program.exited, clock);
  if (code !== "too late") return code;
  program.kill("SIGKILL");
  return program.exited;
}
