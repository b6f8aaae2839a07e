import type { ProviderError } from "../shared/errors.js";
import { doubled, spread } from "../shared/backoff.js";
import { VaultError, requestedWait } from "../vault/vault-error.js";
import { LifeTooShort } from "./synced-credential.js";

const second = 1000;
const minute = 60 * second;

/**
 * How long a failed request waits before the next Mount may retry it. A pod that waits for its first files is paced
 * by the kubelet (0.5 s to 2 min), so the delay is one second; one that is served stale answers can wait longer, and
 * its delay is jittered, so that requests that failed together are not retried together. Either waits as long as Vault
 * asks (`Retry-After`), within reason. `draw` is in [0, 1).
 */
export function retryDelay(error: ProviderError, failures: number, held: boolean, draw: number): number {
  return Math.max(
    ownDelay(error, failures, held, draw),
    Math.min(requestedWait(error), held ? 5 * minute : 30 * second),
  );
}

function ownDelay(error: ProviderError, failures: number, held: boolean, draw: number): number {
  if (error instanceof LifeTooShort) return 5 * minute;
  const denied = error instanceof VaultError && error.kind === "denied";
  if (!held) return denied ? 30 * second : spread(second, draw);
  const ceiling = doubled((denied ? 30 : 5) * second, 5 * minute, failures);
  return denied ? ceiling : second + draw * (ceiling - second);
}
