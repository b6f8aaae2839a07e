import type { Connection } from "../config/connection.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { JsonObject } from "../shared/json.js";
import type { Redacted } from "../shared/redacted.js";
import type { MountFinding } from "./path-hint.js";

/** Vault work in the order it is served when there is more than the connection may have in flight. */
export const priorities = ["first-mount", "renewal", "replacement", "refresh", "revoke"] as const;
export type Priority = (typeof priorities)[number];

/** On whose behalf a request is made: for fairness, for the audit header, for the order. */
export interface Caller {
  /** Kubernetes namespace: the unit of fairness. */
  namespace: string;
  /** `namespace/name/uid`, sent as `X-Keymount-Pod`; absent where no pod is meant. */
  pod?: string | undefined;
  priority: Priority;
  /** How an answer to `request` is received; without it, at once and with any size. */
  intake?: AnswerIntake | undefined;
}

/** Keeps the memory and the time that answers take within the caller's bounds. */
export interface AnswerIntake {
  /** Told how many bytes an answer takes in all, before they are read, and more than once as it grows. Throws to refuse it. */
  admit(bytes: number): void;
  /** Resolves when an answer that takes long to parse may be. */
  turn(): Promise<void>;
}

/** What a login needs, and what its refusal should name: the service account as `namespace/name`, the token's audience. */
export interface VaultLogin {
  vaultNamespace: string;
  authMount: string;
  role: string;
  serviceAccount: string;
  audience: string;
  jwt: Redacted<string>;
}

/** A Vault token; it belongs to the cluster that issued it. */
export interface VaultToken {
  secret: Redacted<string>;
  /** Empty for batch tokens. */
  accessor: string;
  type: "service" | "batch";
  renewable: boolean;
  /** Clock.monotonic() at the start of the login request: pessimistic. */
  issuedAt: number;
  /** Milliseconds granted at `issuedAt`; `undefined` when the token never ends. */
  ttlMs?: number;
  /** How many uses were granted; `undefined` without a limit. */
  uses?: number;
}

export interface Lease {
  id: Redacted<string>;
  renewable: boolean;
  durationMs: number;
}

/** What a renewal granted. */
export interface Grant {
  /** Clock.monotonic() at the start of the request: pessimistic. */
  requestedAt: number;
  /** Milliseconds from then; 0 for a token that never ends. */
  durationMs: number;
  /** Whether Vault says that it may be renewed again. */
  renewable: boolean;
}

/** A success from Vault, understood. */
export interface VaultAnswer {
  /** The whole body (`data`, `auth`, `warnings`, …), or a raw one's bytes; `null` for an answer without one (204). */
  body: Redacted<JsonObject | Buffer | null>;
  /** What the body takes of the heap (`jsonBytes` of a parsed one). */
  bytes: number;
  lease?: Lease | undefined;
  /** Clock.monotonic() at the start of the request. */
  requestedAt: number;
}

/** A token, and the Vault namespace that it is used in. */
export interface Authority {
  vaultNamespace: string;
  token: VaultToken;
}

/** What a lease is renewed and revoked on: a token, and the Vault namespace of the lease where that is `below` the token's. */
export interface LeaseAuthority extends Authority {
  below?: string;
}

/**
 * The verbs of Vault that keymount uses. The token is an argument of each call, never a property of a client. Each
 * may throw a `VaultError`; each waits its turn at the connection's limiter and honours the signal to the socket.
 */
export interface VaultClient {
  login(connection: Connection, login: VaultLogin, caller: Caller, signal: AbortSignal): Promise<VaultToken>;

  request(
    connection: Connection,
    on: Authority,
    request: VaultRequest,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<VaultAnswer>;

  /** Resolves when the token is alive; throws `token_invalid` when it is not. */
  lookupSelf(connection: Connection, on: Authority, caller: Caller, signal: AbortSignal): Promise<void>;

  /** The mount that a path is below, as Vault tells it to a token that lives and may use something of it. */
  lookupMount(
    connection: Connection,
    on: Authority,
    path: string,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<MountFinding>;

  /** Asks for `incrementMs` more from now on for the token itself; Vault may grant less, or a period of its own. */
  renewSelf(
    connection: Connection,
    on: Authority & { authMount?: string },
    incrementMs: number,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<Grant>;

  /**
   * The same for a lease (`sys/leases/renew`), in its own Vault namespace (`authorityOver`) where that is `below` the
   * token's. Throws `lease_gone` when Vault does not know it any more.
   */
  renewLease(
    connection: Connection,
    on: LeaseAuthority,
    leaseId: Redacted<string>,
    incrementMs: number,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<Grant>;

  revokeSelf(connection: Connection, on: Authority, caller: Caller, signal: AbortSignal): Promise<void>;

  /** Revokes one lease (`sys/leases/revoke`, in its own Vault namespace as well), where policy lets the token. */
  revokeLease(
    connection: Connection,
    on: LeaseAuthority,
    leaseId: Redacted<string>,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<void>;
}
