import { constants } from "node:os";
import { named } from "../shared/quoted.js";
import type { commandTable } from "./command-table.js";
import { durationOf, type Given, WrongUsage } from "./define-command.js";

export type NotifyAction =
  | { kind: "signal"; signal: NodeJS.Signals; program: string }
  | { kind: "http"; url: URL; method: string }
  | { kind: "exec"; command: readonly string[] };

/** What happens to the command of `--run` at a change. */
export type RunAction =
  | { kind: "signal"; signal: NodeJS.Signals }
  | { kind: "http"; url: URL; method: string }
  | { kind: "restart" };

export interface NotifyArguments {
  directories: readonly string[];
  task: { act: NotifyAction } | { run: readonly string[]; atChange: RunAction };
  initial: boolean;
  debounceMs: number;
  intervalMs: number;
  timeoutMs: number;
}

type Words = Given<typeof commandTable.notify>;

/** Throws `WrongUsage`. */
export function notifyArguments({ values, operands, passed }: Words): NotifyArguments {
  if (operands.length === 0) throw new WrongUsage("name the directory at which the volume is mounted");
  return {
    directories: [...new Set(operands.map(withoutSlash))],
    task: taskOf(values, passed),
    initial: values.initial,
    debounceMs: durationOf("--debounce", values.debounce),
    intervalMs: durationOf("--interval", values.interval),
    timeoutMs: durationOf("--timeout", values.timeout),
  };
}

function taskOf(values: Words["values"], command: readonly string[]): NotifyArguments["task"] {
  const { signal, process, http, method, exec, run } = values;
  if ((exec || run) && command.length === 0)
    throw new WrongUsage(`${exec ? "--exec" : "--run"} needs a command after --`);
  if (!exec && !run && command.length > 0) throw new WrongUsage("a command after -- needs --exec or --run");
  const request = http === undefined ? undefined : { kind: "http" as const, url: urlOf(http), method };
  if (run) {
    if (signal !== undefined) return { run: command, atChange: { kind: "signal", signal: signalOf(signal) } };
    return { run: command, atChange: request ?? { kind: "restart" } };
  }
  if (request) return { act: request };
  if (exec) return { act: { kind: "exec", command } };
  if (signal === undefined) throw new WrongUsage("say what to do at a change: --signal, --http, --exec or --run");
  if (!process) throw new WrongUsage("--signal needs --process NAME, or --run and a command");
  return { act: { kind: "signal", signal: signalOf(signal), program: process } };
}

/** `HUP`, `SIGHUP` or `hup`. */
function signalOf(text: string): NodeJS.Signals {
  const name = text.toUpperCase();
  const signal = name.startsWith("SIG") ? name : `SIG${name}`;
  if (Object.hasOwn(constants.signals, signal)) return signal as NodeJS.Signals;
  throw new WrongUsage(`--signal: there is no signal ${named(text)}; name one like HUP or USR1`);
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ["http:", "https:"].includes(url.protocol)) return url;
  throw new WrongUsage("--http must be a URL like http://127.0.0.1:8080/-/reload");
}

function withoutSlash(directory: string): string {
  return directory.length > 1 && directory.endsWith("/") ? directory.slice(0, -1) : directory;
}
