import { type CachedSecret, endsAt, isDead, leaseRenewalAt, replaceAt } from "../leases/cached-secret.js";
import type { VolumeRecord, CacheEntry } from "../leases/secret-cache.js";
import type { Credentials } from "../leases/credentials.js";
import type { Clock } from "../shared/clock.js";
import type { CredentialInfo } from "../shared/credential-info.js";
import { type StoredToken, tokenRenewalAt, tokenReplacementAt } from "../vault/stored-token.js";
import { endOf, standingAt } from "../vault/term.js";

type State = CredentialInfo["state"];

/** Everything that is held and would be missed, or would outlive its pod. */
export function credentialInfos({ cache, tokens }: Credentials, clock: Clock, leadMs: number): CredentialInfo[] {
  const tell = new Teller(clock, leadMs);
  const tokenInfos = tokens.all().map((stored) => tell.token(stored, cache.volumesOf(stored.ownerKey)));
  const others = [...cache.entries()].flatMap((entry) => {
    const { answer } = entry;
    return answer && answer.kind !== "static" ? [tell.answer(entry, answer)] : [];
  });
  return [...tokenInfos, ...others];
}

class Teller {
  readonly #now: number;
  readonly #epoch: number;
  readonly #leadMs: number;

  constructor(clock: Clock, leadMs: number) {
    this.#now = clock.monotonic();
    this.#epoch = clock.wall() - this.#now;
    this.#leadMs = leadMs;
  }

  token(stored: StoredToken, volumes: readonly VolumeRecord[]): CredentialInfo {
    const { connection, vaultNamespace, authMount, role, token, failures, state } = stored;
    const times = { from: tokenReplacementAt(stored, this.#leadMs), end: endOf(stored.term) };
    return {
      kind: "token",
      connection: connection.name,
      vaultNamespace,
      engine: "token",
      path: `auth/${authMount}/login`,
      role,
      tokenAccessor: token.accessor,
      ...usersOf(volumes),
      state: state === "current" ? this.#standing(times) : state === "retired" ? "replaced" : state,
      ...this.#times({
        renewAt: state === "current" ? tokenRenewalAt(stored) : Infinity,
        replaceAt: times.from,
        endsAt: times.end,
      }),
      failures,
    };
  }

  answer({ request, users }: CacheEntry, answer: CachedSecret): CredentialInfo {
    const { stored, kind, term, engine, failures } = answer;
    const times = { from: replaceAt(answer, this.#leadMs), end: endsAt(answer) };
    return {
      kind: kind === "leased" ? "lease" : term ? "certificate" : "issued",
      connection: stored.connection.name,
      vaultNamespace: stored.vaultNamespace,
      engine,
      path: request.path,
      role: stored.role,
      tokenAccessor: stored.token.accessor,
      ...usersOf([...users]),
      state: isDead(answer) ? "dead" : this.#standing(times),
      ...this.#times({ renewAt: leaseRenewalAt(answer), replaceAt: times.from, endsAt: times.end }),
      failures,
    };
  }

  #standing({ from, end }: { from: number; end: number }): State {
    return standingAt(this.#now, from, end);
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
