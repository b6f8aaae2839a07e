import type { Connection } from "../../src/config/connection.js";
import type { VaultRequest } from "../../src/mount/mount-spec.js";
import type { Principal } from "../../src/mount/ports.js";
import type { Clock } from "../../src/shared/clock.js";
import type { JsonObject } from "../../src/shared/json.js";
import { Redacted } from "../../src/shared/redacted.js";
import type { MountFinding } from "../../src/vault/path-hint.js";
import type { Caller, Grant, Lease, VaultAnswer, VaultClient, VaultToken } from "../../src/vault/vault-client.js";
import { VaultError, type VaultErrorKind } from "../../src/vault/vault-error.js";
import { sampleConnection } from "./connection.js";

type Reply =
  | {
      body: JsonObject | Buffer | null;
      /** 100 when left out. */
      bytes?: number;
      lease?: { id: string; durationMs: number; renewable?: boolean };
    }
  | VaultErrorKind;

/** A `VaultClient` without a network. It records its requests and gives the configured answers. */
export class CountingVault implements VaultClient {
  readonly calls: string[] = [];
  readonly callers: Caller[] = [];
  readonly revoked: string[] = [];
  /** The next logins' grants, the last one repeated. */
  grants: Partial<VaultToken>[] = [{}];
  /** By path; a function is called for each request. */
  readonly replies = new Map<string, Reply | (() => Reply)>();
  /** What the next renewals grant instead of what they ask for. */
  readonly renewals: Partial<Grant>[] = [];
  /** Errors to throw instead, each once, by verb (`login`, `request`, `lookup`, `renew`, `revoke`). */
  readonly failures: { verb: string; kind: VaultErrorKind }[] = [];
  /** Holds every answer until it is resolved. */
  gate: Promise<void> = Promise.resolve();
  readonly #clock: Clock;
  readonly #dead = new Set<VaultToken>();
  #tokens = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  kill(token: VaultToken): void {
    this.#dead.add(token);
  }

  async login(
    _connection: Connection,
    { role }: { role: string },
    caller: Caller,
    signal: AbortSignal,
  ): Promise<VaultToken> {
    const issuedAt = this.#clock.monotonic();
    await this.#called("login", `login ${role}`, caller, signal);
    this.#tokens += 1;
    const grant = this.grants.length > 1 ? this.grants.shift()! : this.grants[0]!;
    return {
      secret: new Redacted(`token-${this.#tokens}`),
      accessor: `accessor-${this.#tokens}`,
      type: "service",
      renewable: true,
      issuedAt,
      ttlMs: 3_600_000,
      ...grant,
    };
  }

  async request(
    _connection: Connection,
    { token }: { token: VaultToken },
    request: VaultRequest,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<VaultAnswer> {
    const requestedAt = this.#clock.monotonic();
    await this.#called("request", `${request.method} ${request.path}`, caller, signal);
    if (this.#dead.has(token)) throw new VaultError("token_invalid", "the token is dead");
    const told = this.replies.get(request.path) ?? "missing";
    const reply = typeof told === "function" ? told() : told;
    if (typeof reply === "string") throw new VaultError(reply, `${reply} at ${request.path}`);
    const lease: Lease | undefined = reply.lease && {
      id: new Redacted(reply.lease.id),
      renewable: reply.lease.renewable ?? true,
      durationMs: reply.lease.durationMs,
    };
    const { bytes = 100 } = reply;
    caller.intake?.admit(bytes / 2); // As it is received: held in two parts, it takes as much.
    return { body: new Redacted(reply.body), bytes, requestedAt, ...(lease && { lease }) };
  }

  async lookupSelf(
    _c: Connection,
    { token }: { token: VaultToken },
    caller: Caller,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#called("lookup", "lookup-self", caller, signal);
    if (this.#dead.has(token)) throw new VaultError("token_invalid", "the token is dead");
  }

  /** Unless a test says, Vault does not tell. */
  async lookupMount(
    _c: Connection,
    _on: { token: VaultToken },
    path: string,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<MountFinding> {
    await this.#called("mount", `lookup-mount ${path}`, caller, signal);
    return { found: "unknown" };
  }

  async renewSelf(
    _c: Connection,
    { token }: { token: VaultToken },
    incrementMs: number,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<Grant> {
    const requestedAt = this.#clock.monotonic();
    await this.#called("renew", `renew-self ${incrementMs / 1000}s`, caller, signal);
    if (this.#dead.has(token)) throw new VaultError("token_invalid", "the token is dead");
    return { requestedAt, durationMs: incrementMs, renewable: true, ...this.renewals.shift() };
  }

  async renewLease(
    _c: Connection,
    { token }: { token: VaultToken },
    leaseId: Redacted<string>,
    incrementMs: number,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<Grant> {
    const requestedAt = this.#clock.monotonic();
    await this.#called("renew", `renew ${leaseId.reveal()} ${incrementMs / 1000}s`, caller, signal);
    if (this.#dead.has(token)) throw new VaultError("token_invalid", "the token is dead");
    return { requestedAt, durationMs: incrementMs, renewable: true, ...this.renewals.shift() };
  }

  async revokeSelf(
    _c: Connection,
    { token }: { token: VaultToken },
    caller: Caller,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#called("revoke", "revoke-self", caller, signal);
    this.revoked.push(token.accessor);
    this.#dead.add(token);
  }

  async revokeLease(
    _c: Connection,
    _on: { token: VaultToken },
    leaseId: Redacted<string>,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#called("revoke", "revoke-lease", caller, signal);
    this.revoked.push(leaseId.reveal());
  }

  async #called(verb: string, call: string, caller: Caller, signal: AbortSignal): Promise<void> {
    this.calls.push(call);
    this.callers.push(caller);
    await this.gate;
    signal.throwIfAborted();
    const failure = this.failures.findIndex((planned) => planned.verb === verb);
    if (failure < 0) return;
    const kind = this.failures.splice(failure, 1)[0]!.kind;
    throw new VaultError(kind, `${kind} at ${verb}`);
  }
}

export function samplePrincipal(change: Partial<Principal> = {}): Principal {
  return {
    pod: { namespace: "shop", name: "web-0", uid: "uid-1", serviceAccount: "web" },
    connection: sampleConnection(),
    vaultNamespace: "",
    authMount: "kubernetes",
    role: "web",
    audience: "vault",
    jwt: new Redacted("jwt"),
    ownerKey: "key-1",
    accountKey: "account-1",
    mayStartOffline: true,
    volumeKey: "/pods/uid-1/volumes/kubernetes.io~csi/secrets/mount",
    podVolume: true,
    ...change,
  };
}
