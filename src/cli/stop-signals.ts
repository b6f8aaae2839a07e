import { constants } from "node:os";
import { ProviderError } from "../shared/errors.js";

/** What a command may hand on to a program that it runs. */
const handedOn = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;

/** Gives each signal to `to`, and none to us any more, until released. */
export function takeSignals(to: (name: NodeJS.Signals) => void): () => void {
  const before = handedOn.map((name) => [name, process.listeners(name)] as const);
  for (const name of handedOn) process.removeAllListeners(name).on(name, to);
  return () => {
    for (const [name, listeners] of before) {
      process.off(name, to);
      for (const listener of listeners) process.on(name, listener);
    }
  };
}

/**
 * A signal that aborts at the first SIGTERM, SIGINT or SIGHUP, so that everything is released in order. At a second one
 * the process ends at once.
 */
export function untilStopped(): { signal: AbortSignal; stop: (why: string) => void; release: () => void } {
  const controller = new AbortController();
  const names = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
  const stop = (why: string) => controller.abort(new ProviderError("cancelled", why));
  const onSignal = (name: (typeof names)[number]) => {
    if (controller.signal.aborted) process.exit(128 + constants.signals[name]);
    stop(`stopped by ${name}`);
  };
  for (const name of names) process.on(name, onSignal);
  // Left to itself Node opens an inspector at SIGUSR1, through which all memory can be read.
  process.on("SIGUSR1", ignore);
  return { signal: controller.signal, stop, release: () => names.forEach((name) => process.off(name, onSignal)) };
}

function ignore(): void {}
