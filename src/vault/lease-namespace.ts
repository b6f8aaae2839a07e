import type { Redacted } from "../shared/redacted.js";
import type { StoredToken } from "./stored-token.js";
import type { LeaseAuthority } from "./vault-client.js";

/**
 * A lease id is the path that made the lease, below its Vault namespace, and a step of its own: `database/creds/app/kPd…`,
 * with the namespace's id at its end where that is not the root (`kPd….aBcDeF`).
 */
export function pathOf(leaseId: Redacted<string>): string {
  return leaseId.reveal().split("/").slice(0, -1).join("/").slice(0, 1024);
}

/**
 * What a lease that a request of this path made is renewed and revoked on: its token, and the Vault namespace that the path
 * begins with, as the lease id shows. It is `team` where `team/database/creds/app` made `database/creds/app/…`, and `""`
 * where the lease is of the token's own. Elsewhere OpenBao 2.6.2 answers 500 to a renewal (vault/expiration.go: `cannot
 * renew a lease across namespaces`).
 */
export function authorityOver(
  { vaultNamespace, token }: Pick<StoredToken, "vaultNamespace" | "token">,
  path: string,
  leaseId: Redacted<string>,
): LeaseAuthority {
  const within = pathOf(leaseId);
  const below = within !== "" && path.endsWith(`/${within}`) ? path.slice(0, -within.length - 1) : "";
  return { vaultNamespace, token, below };
}
