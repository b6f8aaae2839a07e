import { type HealthServer, startHealthServer } from "../http/health-server.js";
import { isForbidden } from "../kube/kube-error.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import type { Redacted } from "../shared/redacted.js";
import { describeError } from "../telemetry/describe-error.js";
import type { Log } from "../telemetry/log.js";
import { doubled, spread } from "../shared/backoff.js";
import type { KeyOrigin } from "./cluster-key.js";

export interface WaitForKeyParts {
  healthAddress: { host?: string; port: number };
  clock: Clock;
  random: Random;
  log: Log;
}

const [shortestMs, longestMs] = [1_000, 10_000];
/** An API server that has just started forbids everything (403) until it has read its rules. */
const forbiddenMs = 60_000;

/**
 * The cluster's key, as soon as the API server gives it. Until then the process lives and is not ready: the kubelet would wait up
 * to five minutes before it starts one again that has ended a few times. Throws where waiting does not help: what stays forbidden
 * for a minute, or a Secret without a key; and the signal's reason.
 */
export async function waitForKey(
  origin: Pick<KeyOrigin, "restore">,
  { healthAddress, clock, random, log }: WaitForKeyParts,
  signal: AbortSignal,
): Promise<Redacted<Buffer>> {
  let health: HealthServer | undefined;
  let why = "";
  let forbiddenSince: number | undefined;
  const checks = {
    unreadiness: async () => [`starting: ${why}`],
    metrics: async () => ({ contentType: "text/plain; version=0.0.4; charset=utf-8", text: "" }),
  };
  try {
    for (let failures = 1; ; failures += 1) {
      try {
        return await origin.restore(signal);
      } catch (reason) {
        signal.throwIfAborted();
        const error = ProviderError.from(reason);
        const now = clock.monotonic();
        forbiddenSince = isForbidden(error) ? (forbiddenSince ?? now) : undefined;
        const mayPass =
          forbiddenSince === undefined ? error.code === "unavailable" : now - forbiddenSince < forbiddenMs;
        if (!mayPass) throw error;
        why = error.message;
        log.warn(describeError(error), "the cluster's key cannot be read yet; it is tried again");
      }
      health ??= await startHealthServer(healthAddress, checks, clock, signal);
      await clock.sleep(spread(doubled(shortestMs, longestMs, failures), random()), signal);
    }
  } finally {
    await health?.stop();
  }
}
