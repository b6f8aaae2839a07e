import {
  type CachedSecret,
  endsAt,
  isCredential,
  isDead,
  leaseRenewalAt,
  replaceAt,
  standingOf,
} from "../leases/cached-secret.js";
import type { VolumeRecord, CacheEntry } from "../leases/cache-entry.js";
import type { Credentials } from "../leases/credentials.js";
import type { Clock } from "../shared/clock.js";
import type { CredentialInfo } from "../shared/credential-info.js";
import { type StoredToken, tokenRenewalAt, tokenReplacementAt, tokenStanding } from "../vault/stored-token.js";
import type { LeaseRules } from "../vault/lease-rules.js";
import { endOf } from "../vault/term.js";

/** Everything that is held and would be missed, or would outlive its pod. */
export function credentialInfos({ cache, tokens }: Credentials, clock: Clock, rules: LeaseRules): CredentialInfo[] {
  const tell = new Teller(clock, rules);
  const tokenInfos = tokens.all().map((stored) => tell.token(stored, cache.volumesOf(stored.ownerKey)));
  const others = [...cache.entries()].flatMap((entry) => {
    const { answer } = entry;
    return answer && isCredential(answer) ? [tell.answer(entry, answer)] : [];
  });
  return [...tokenInfos, ...others];
}

class Teller {
  readonly #now: number;
  readonly #epoch: number;
  readonly #rules: LeaseRules;

  constructor(clock: Clock, rules: LeaseRules) {
    this.#now = clock.monotonic();
    this.#epoch = clock.wall() - this.#now;
    this.#rules = rules;
  }

  token(stored: StoredToken, volumes: readonly VolumeRecord[]): CredentialInfo {
    const { connection, vaultNamespace, authMount, role, token, failures, state } = stored;
    return {
      kind: "token",
      connection: connection.name,
      vaultNamespace,
      engine: "token",
      path: `auth/${authMount}/login`,
      role,
      tokenAccessor: token.accessor,
      namespace: stored.caller.namespace,
      ...usersOf(volumes),
      state:
        state === "current" ? tokenStanding(stored, this.#rules, this.#now) : state === "retired" ? "replaced" : state,
      ...this.#times({
        renewAt: state === "current" ? tokenRenewalAt(stored) : Infinity,
        replaceAt: tokenReplacementAt(stored, this.#rules.leadMs),
        endsAt: endOf(stored.term),
      }),
      failures,
    };
  }

  answer({ request, users, namespace }: CacheEntry, answer: CachedSecret): CredentialInfo {
    const { stored, kind, engine, failures } = answer;
    return {
      kind: kind === "leased" ? "lease" : "issued",
      connection: stored.connection.name,
      vaultNamespace: stored.vaultNamespace,
      engine,
      path: request.path,
      role: stored.role,
      tokenAccessor: stored.token.accessor,
      namespace,
      ...usersOf([...users]),
      state: isDead(answer) ? "dead" : standingOf(answer, this.#rules, this.#now),
      ...this.#times({
        renewAt: leaseRenewalAt(answer),
        replaceAt: replaceAt(answer, this.#rules.leadMs),
        endsAt: endsAt(answer),
      }),
      failures,
    };
  }

  #times(times: Record<"renewAt" | "replaceAt" | "endsAt", number>) {
    return Object.fromEntries(
      Object.entries(times)
        .filter(([, at]) => Number.isFinite(at))
        .map(([name, at]) => [name, Math.round(this.#epoch + at)]),
    );
  }
}

function usersOf(volumes: readonly VolumeRecord[]): Pick<CredentialInfo, "pods" | "volumes"> {
  const pods = new Map(volumes.flatMap(({ pod }) => (pod ? [[pod.uid, pod] as const] : [])));
  return { pods: [...pods.values()], volumes: volumes.length };
}
