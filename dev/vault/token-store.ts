import { BlockList } from "node:net";
import type { Clock } from "../../src/shared/clock.js";
import { badRequest, type Data, permissionDenied } from "./answer.js";
import { goTime, toSeconds } from "./go-time.js";
import { letters, tokenIds } from "./identifiers.js";
import type { Namespace } from "./namespaces.js";
import type { Product } from "./product.js";
import { grantedTtl, type TtlLimits } from "./time-to-live.js";

export interface Token {
  readonly id: string;
  /** Empty for batch tokens. */
  readonly accessor: string;
  readonly type: "service" | "batch";
  readonly policies: readonly string[];
  readonly meta: Readonly<Record<string, string>> | null;
  readonly displayName: string;
  /** It may act in this namespace and those below, by this one's policies. */
  readonly namespace: Namespace;
  /** The path that issued it. */
  readonly path: string;
  readonly entityId: string;
  readonly orphan: boolean;
  readonly renewable: boolean;
  readonly parent: Token | undefined;
  readonly limits: TtlLimits;
  readonly creationTtl: number;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  /** Milliseconds since the epoch; a root token has no end. */
  expiresAt: number | undefined;
  lastRenewal: number | undefined;
  /** How many requests it was made for; 0 is any number. */
  readonly numUses: number;
  usesLeft: number;
  /** The networks it may be used from; empty is any. */
  readonly boundCidrs: readonly string[];
  /** Whose login made it, as policies' templates name it; absent where no auth method did. */
  readonly alias: Alias | undefined;
  /** Throws where the auth method that made it lets it be renewed no more. */
  readonly checkRenewal: (() => void) | undefined;
}

/** What an auth method knows a login by. */
export interface Alias {
  /** Of the method's mount. */
  readonly accessor: string;
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a token is asked to be; what is left out takes Vault's default. */
export type NewToken = Pick<Token, "policies" | "displayName" | "path" | "limits" | "namespace"> &
  Partial<
    Pick<
      Token,
      | "id"
      | "type"
      | "meta"
      | "entityId"
      | "orphan"
      | "renewable"
      | "parent"
      | "numUses"
      | "boundCidrs"
      | "alias"
      | "checkRenewal"
    >
  > & {
    readonly eternal?: boolean;
  };

export class TokenStore {
  /** Where all requests come from, as this Vault sees it. */
  clientAddress = "127.0.0.1";
  readonly #tokens = new Map<string, Token>();
  /** No token ends before this. */
  #soonestEnd = Infinity;
  readonly #clock: Clock;
  readonly #product: Product;
  readonly #onEnd: (token: Token) => void;

  /** `onEnd` is called for every token that dies, after it and before its children. */
  constructor(clock: Clock, product: Product, onEnd: (token: Token) => void) {
    this.#clock = clock;
    this.#product = product;
    this.#onEnd = onEnd;
  }

  create(options: NewToken): { token: Token; warnings: string[] } {
    const now = this.#clock.wall();
    const type = options.type ?? "service";
    const { suffix } = options.namespace;
    const granted = grantedTtl(options.limits, { increment: 0, issuedAt: now, now });
    const token: Token = {
      id: options.id ?? `${tokenIds[this.#product][type]()}${suffix}`,
      accessor: type === "batch" ? "" : `${letters(24)}${suffix}`,
      type,
      policies: [...new Set(options.policies)].sort(),
      meta: options.meta ?? null,
      displayName: options.displayName,
      namespace: options.namespace,
      path: options.path,
      entityId: options.entityId ?? "",
      orphan: options.orphan ?? false,
      renewable: type === "service" && (options.renewable ?? true) && !options.eternal,
      parent: options.parent,
      limits: options.limits,
      creationTtl: options.eternal ? 0 : granted.seconds,
      issuedAt: now,
      expiresAt: options.eternal ? undefined : now + granted.seconds * 1_000,
      lastRenewal: undefined,
      numUses: type === "batch" ? 0 : (options.numUses ?? 0),
      usesLeft: options.numUses ?? 0,
      boundCidrs: options.boundCidrs ?? [],
      alias: options.alias,
      checkRenewal: options.checkRenewal,
    };
    this.#tokens.set(token.id, token);
    this.#expect(token);
    return { token, warnings: granted.warnings };
  }

  /** Throws unless the client is in one of these networks, of a token or of a role; none is any. */
  demandAddressIn(cidrs: readonly string[]): void {
    const networks = new BlockList();
    for (const [net = "", bits] of cidrs.map((cidr) => cidr.split("/"))) networks.addSubnet(net, Number(bits));
    if (cidrs.length > 0 && !networks.check(this.clientAddress)) throw permissionDenied();
  }

  /** The live token with this id. */
  find(id: string): Token | undefined {
    this.#expire();
    return this.#tokens.get(id);
  }

  findByAccessor(accessor: string): Token | undefined {
    return accessor === "" ? undefined : this.all().find((token) => token.accessor === accessor);
  }

  all(): Token[] {
    this.#expire();
    return [...this.#tokens.values()];
  }

  /** Counts one request against a token that has only so many; its last use is its end, once `answered`. */
  use(token: Token): { answered: () => void } {
    if (token.numUses > 0) token.usesLeft -= 1;
    const spent = token.numUses > 0 && token.usesLeft <= 0;
    return { answered: () => spent && this.revoke(token) };
  }

  renew(token: Token, increment: number): string[] {
    if (token.type === "batch") throw badRequest("batch tokens cannot be renewed");
    if (!token.renewable) throw badRequest("lease is not renewable");
    token.checkRenewal?.();
    const now = this.#clock.wall();
    const { seconds, warnings } = grantedTtl(token.limits, { increment, issuedAt: token.issuedAt, now });
    token.expiresAt = now + seconds * 1_000;
    token.lastRenewal = now;
    this.#expect(token);
    return warnings;
  }

  /** Ends it and everything it begot. */
  revoke(token: Token): void {
    if (!this.#tokens.delete(token.id)) return;
    this.#onEnd(token);
    for (const child of [...this.#tokens.values()]) if (child.parent === token && !child.orphan) this.revoke(child);
  }

  ttl(token: Token): number {
    return token.expiresAt === undefined ? 0 : Math.max(0, toSeconds(token.expiresAt - this.#clock.wall()));
  }

  /** As `lookup` answers. */
  describe(token: Token, shownId = token.id): Data {
    return {
      accessor: token.accessor,
      creation_time: toSeconds(token.issuedAt),
      creation_ttl: token.creationTtl,
      display_name: token.displayName,
      entity_id: token.entityId,
      expire_time: token.expiresAt === undefined ? null : goTime(token.expiresAt),
      explicit_max_ttl: token.limits.explicitMaxTtl ?? 0,
      id: shownId,
      issue_time: goTime(token.issuedAt),
      ...(token.lastRenewal !== undefined && {
        last_renewal: goTime(token.lastRenewal),
        last_renewal_time: toSeconds(token.lastRenewal),
      }),
      meta: token.meta,
      num_uses: token.usesLeft,
      orphan: token.orphan,
      path: token.path,
      ...(token.limits.period && { period: token.limits.period }),
      policies: token.policies,
      renewable: token.renewable,
      ttl: this.ttl(token),
      type: token.type,
    };
  }

  /** As logins and renewals answer. */
  grant(token: Token): Data {
    return {
      client_token: token.id,
      accessor: token.accessor,
      policies: token.policies,
      token_policies: token.policies,
      metadata: token.meta,
      lease_duration:
        token.expiresAt === undefined ? 0 : toSeconds(token.expiresAt - (token.lastRenewal ?? token.issuedAt)),
      renewable: token.renewable,
      entity_id: token.entityId,
      token_type: token.type,
      orphan: token.orphan,
      mfa_requirement: null,
      num_uses: token.numUses,
    };
  }

  #expect({ expiresAt = Infinity }: Token): void {
    this.#soonestEnd = Math.min(this.#soonestEnd, expiresAt);
  }

  #expire(): void {
    const now = this.#clock.wall();
    if (now < this.#soonestEnd) return;
    this.#soonestEnd = Infinity;
    for (const token of [...this.#tokens.values()]) {
      if (token.expiresAt !== undefined && token.expiresAt <= now) this.revoke(token);
      else this.#expect(token);
    }
  }
}
