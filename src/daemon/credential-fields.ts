import { createHash } from "node:crypto";
import { type CachedSecret, endsAt } from "../leases/cached-secret.js";
import type { CacheEntry, VolumePod } from "../leases/cache-entry.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { Principal } from "../mount/ports.js";
import { logKeys } from "../telemetry/log-keys.js";
import type { StoredToken } from "../vault/stored-token.js";

/** Fields of a line of the log. */
export type LogFields = Record<string, unknown>;

/** What the log says of a lease or certificate; what is in it, never. */
export function credentialFields(request: VaultRequest, answer: CachedSecret): LogFields {
  const lifeMs = endsAt(answer) - answer.readAt;
  return {
    [logKeys.path]: request.path,
    ...(answer.engine !== "" && { [logKeys.engine]: answer.engine }),
    ...(answer.lease && { [logKeys.lease]: leaseDigest(answer.lease.id.reveal()) }),
    [logKeys.tokenAccessor]: answer.stored.token.accessor,
    ...(Number.isFinite(lifeMs) && { [logKeys.ttlSeconds]: Math.round(lifeMs / 1000) }),
  };
}

/** And of one that the cache holds: also whose it is, and the time its lease was granted for. */
export function entryFields({ request, users, namespace }: CacheEntry, answer: CachedSecret): LogFields {
  const pods = [...users].flatMap(({ pod }) => (pod ? [`${pod.namespace}/${pod.name}`] : []));
  return {
    [logKeys.connection]: answer.stored.connection.name,
    [logKeys.namespace]: namespace,
    [logKeys.pods]: [...new Set(pods)],
    ...credentialFields(request, answer),
    ...(Number.isFinite(endsAt(answer)) &&
      answer.term && { [logKeys.ttlSeconds]: Math.round(answer.term.grantedMs / 1000) }),
  };
}

export function tokenFields({ token, connection, caller, role }: StoredToken): LogFields {
  return {
    [logKeys.tokenAccessor]: token.accessor,
    [logKeys.connection]: connection.name,
    [logKeys.namespace]: caller.namespace,
    [logKeys.role]: role,
  };
}

export function principalFields({ pod, connection, authMount, role }: Principal): LogFields {
  return {
    ...podFields(pod),
    [logKeys.serviceAccount]: pod.serviceAccount,
    [logKeys.connection]: connection.name,
    [logKeys.authMount]: authMount,
    [logKeys.role]: role,
  };
}

export function podFields({ namespace, name, uid }: VolumePod): LogFields {
  return { [logKeys.namespace]: namespace, [logKeys.pod]: name, [logKeys.podUid]: uid };
}

/** Tells leases apart: who knows a lease's id may, with a token that may revoke, revoke it. */
export function leaseDigest(leaseId: string): string {
  return createHash("sha256").update(leaseId).digest("hex").slice(0, 12);
}
