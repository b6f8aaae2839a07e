import { constants } from "node:os";
import { ProviderError } from "../shared/errors.js";

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
