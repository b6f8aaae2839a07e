import type { ProviderError } from "../shared/errors.js";
import { VaultError } from "../vault/vault-error.js";

const second = 1000;
const minute = 60 * second;

/**
 * How long a failed request rests before the next Mount may try it again. A pod that waits for its first files is paced
 * by the kubelet (0.5 s to 2 min), so it rests a second only; one that is served held answers can wait longer, and
 * rests a drawn time, so that the many who failed together do not come back together. Either rests as long as Vault
 * asks (`Retry-After`), within reason. `draw` is in [0, 1).
 */
export function retryDelay(error: ProviderError, failures: number, held: boolean, draw: number): number {
  const asked = error instanceof VaultError ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(ownPace(error, failures, held, draw), Math.min(asked, held ? 5 * minute : 30 * second));
}

function ownPace(error: ProviderError, failures: number, held: boolean, draw: number): number {
  const denied = error instanceof VaultError && error.kind === "denied";
  if (!held) return denied ? 30 * second : second * (0.75 + 0.5 * draw);
  const ceiling = Math.min(5 * minute, (denied ? 30 : 5) * second * 2 ** Math.min(failures - 1, 10));
  return denied ? ceiling : second + draw * (ceiling - second);
}
