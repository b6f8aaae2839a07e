import { createHash } from "node:crypto";
import { type CachedSecret, endsAt } from "../leases/cached-secret.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import { logKeys } from "../telemetry/log-keys.js";

/** What the log says of a lease or certificate; what is in it, never. */
export function credentialOf(request: VaultRequest, answer: CachedSecret): Record<string, unknown> {
  const lifeMs = endsAt(answer) - answer.readAt;
  return {
    [logKeys.path]: request.path,
    ...(answer.engine !== "" && { [logKeys.engine]: answer.engine }),
    ...(answer.lease && { [logKeys.lease]: leaseDigest(answer.lease.id.reveal()) }),
    [logKeys.tokenAccessor]: answer.session.token.accessor,
    ...(Number.isFinite(lifeMs) && { [logKeys.ttlSeconds]: Math.round(lifeMs / 1000) }),
  };
}

/** Tells leases apart: who knows a lease's id may, with a token that may revoke, revoke it. */
export function leaseDigest(leaseId: string): string {
  return createHash("sha256").update(leaseId).digest("hex").slice(0, 12);
}
