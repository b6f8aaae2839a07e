import type { Clock } from "../../src/shared/clock.js";
import { type Answer, badRequest, type Data, manyErrors, Refusal } from "./answer.js";
import { goTime, toSeconds } from "./go-time.js";
import { letters } from "./identifiers.js";
import { grantedTtl, type TtlLimits } from "./time-to-live.js";
import type { EngineRequest } from "./engine.js";
import type { Namespace } from "./namespaces.js";
import type { Token } from "./token-store.js";

export interface Lease {
  readonly id: string;
  readonly namespace: Namespace;
  readonly token: Token;
  readonly renewable: boolean;
  readonly limits: TtlLimits;
  readonly owner: LeaseOwner;
  readonly issuedAt: number;
  expiresAt: number;
  lastRenewal: number | undefined;
}

/** What hangs on a lease. Both throw an error in the engine's words when it cannot be reached. */
export interface LeaseOwner {
  renew?(): void;
  revoke(): void;
}

export class LeaseStore {
  readonly #leases = new Map<string, Lease>();
  /** No lease ends before this. */
  #soonestEnd = Infinity;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `path` is that of the request below its mount. A batch token's lease ends with the token. */
  create(
    path: string,
    { mount, namespace, token: sent }: EngineRequest,
    options: { renewable: boolean; limits: TtlLimits; owner: LeaseOwner },
  ) {
    const token = sent!;
    const now = this.#clock.wall();
    const { seconds } = grantedTtl(options.limits, { increment: 0, issuedAt: now, now });
    const tokenEnd = token.type === "batch" ? (token.expiresAt ?? Infinity) : Infinity;
    const expiresAt = Math.min(now + seconds * 1_000, tokenEnd);
    const lease: Lease = {
      ...options,
      id: `${mount}${path}/${letters(24)}${namespace.suffix}`,
      namespace,
      token,
      issuedAt: now,
      expiresAt,
      lastRenewal: undefined,
    };
    this.#leases.set(lease.id, lease);
    this.#expect(lease);
    return { id: lease.id, renewable: lease.renewable, seconds: toSeconds(expiresAt - now) };
  }

  find(id: string): Lease | undefined {
    this.#expire();
    return this.#leases.get(id);
  }

  all(): Lease[] {
    this.#expire();
    return [...this.#leases.values()];
  }

  /** `asker` is the namespace of the request. */
  renew(id: string, increment: number, asker: Namespace): Answer {
    const lease = this.find(id);
    if (!lease) throw badRequest("lease not found");
    // OpenBao's vault/expiration.go.
    if (lease.namespace !== asker) throw new Refusal(500, [manyErrors("cannot renew a lease across namespaces")]);
    if (!lease.renewable) throw badRequest("lease is not renewable");
    const now = this.#clock.wall();
    const { seconds, warnings } = grantedTtl(lease.limits, { increment, issuedAt: lease.issuedAt, now });
    carryOut("renew", () => lease.owner.renew?.());
    lease.expiresAt = now + seconds * 1_000;
    lease.lastRenewal = now;
    this.#expect(lease);
    return { data: null, lease: { id, renewable: lease.renewable, seconds }, warnings };
  }

  revoke(id: string): void {
    const lease = this.find(id);
    if (!lease) return;
    carryOut("revoke", () => lease.owner.revoke());
    this.#leases.delete(id);
  }

  /** Those of one namespace, or of all. */
  revokePrefix(prefix: string, of?: Namespace): void {
    const isOf = (namespace: Namespace) => of === undefined || namespace === of;
    const below = this.all().filter(({ id, namespace }) => isOf(namespace) && id.startsWith(prefix));
    for (const [index, { id }] of below.entries()) {
      try {
        this.revoke(id);
      } catch (error) {
        throw badRequest(`failed to revoke "${id}" (${index + 1} / ${below.length}): ${(error as Error).message}`);
      }
    }
  }

  /** What a token leaves behind goes, whether or not it can be reached; not what it got in a namespace below its own. */
  revokeOf(token: Token): void {
    for (const lease of [...this.#leases.values()]) {
      if (lease.token === token && lease.namespace === token.namespace) this.#end(lease);
    }
  }

  /** As `sys/leases/lookup` answers. */
  describe(lease: Lease): Data {
    return {
      expire_time: goTime(lease.expiresAt),
      id: lease.id,
      issue_time: goTime(lease.issuedAt),
      last_renewal: lease.lastRenewal === undefined ? null : goTime(lease.lastRenewal),
      // One whose token is gone is only waiting to be taken back.
      renewable: lease.renewable && lease.expiresAt > this.#clock.wall(),
      ttl: toSeconds(lease.expiresAt - this.#clock.wall()),
    };
  }

  #expect({ expiresAt }: Lease): void {
    this.#soonestEnd = Math.min(this.#soonestEnd, expiresAt);
  }

  #expire(): void {
    const now = this.#clock.wall();
    if (now < this.#soonestEnd) return;
    this.#soonestEnd = Infinity;
    for (const lease of [...this.#leases.values()]) {
      if (lease.expiresAt <= now) this.#end(lease);
      else this.#expect(lease);
    }
  }

  /** Vault keeps trying in the background; here what cannot be reached is tried again at the next look. */
  #end(lease: Lease): void {
    lease.expiresAt = Math.min(lease.expiresAt, this.#clock.wall());
    try {
      lease.owner.revoke();
      this.#leases.delete(lease.id);
    } catch {
      this.#expect(lease);
    }
  }
}

function carryOut(verb: "renew" | "revoke", act: () => void): void {
  try {
    act();
  } catch (error) {
    throw badRequest(`failed to ${verb} entry: resp: (*logical.Response)(nil) err: ${(error as Error).message}`);
  }
}
