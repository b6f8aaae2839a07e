import { type ErrorCode, ProviderError } from "../shared/errors.js";

/**
 * What Vault's answer, or the lack of one, means for what we do next:
 *
 * - `outage`: no connection, a node that does not tell its health, a leaderless standby. Keep everything, retry later.
 * - `engine`: Vault is well, but not what stands behind the path: a 500, no answer in time, a proxy's 502. Keep, retry later.
 * - `namespace`: the Vault namespace is sealed, locked or gone. Keep, retry later.
 * - `sealed`: 503 "Vault is sealed": an outage that an operator ends.
 * - `quota`: 429.
 * - `configuration`: TLS refused, name not found: ours to report as not ready; nothing heals it but the operator.
 * - `login_denied`: 400/403 on a login. A 403 may also be a failed TokenReview.
 * - `token_invalid`: the token is dead for certain.
 * - `denied`: a 403 that does not tell a denial from a dead token; `lookupSelf` settles it.
 * - `missing`, `deleted`, `destroyed`: 404, and KV v2's two ways of being gone.
 * - `lease_gone`: 400 "lease not found" on a renewal.
 * - `refused`: another 4xx: the request itself is wrong (unknown role, name not allowed, bad ciphertext).
 * - `protocol`: an answer no Vault gives: HTML, an empty 200, a login without `auth`, too many bytes.
 */
export type VaultErrorKind =
  | "outage"
  | "engine"
  | "namespace"
  | "sealed"
  | "quota"
  | "configuration"
  | "login_denied"
  | "token_invalid"
  | "denied"
  | "missing"
  | "deleted"
  | "destroyed"
  | "lease_gone"
  | "refused"
  | "protocol";

export const codeOfKind = {
  outage: "unavailable",
  engine: "unavailable",
  namespace: "unavailable",
  sealed: "unavailable",
  quota: "unavailable",
  configuration: "unavailable",
  login_denied: "unauthenticated",
  token_invalid: "unauthenticated",
  denied: "permission_denied",
  missing: "not_found",
  deleted: "not_found",
  destroyed: "not_found",
  lease_gone: "not_found",
  refused: "invalid_request",
  protocol: "unavailable",
} as const satisfies Record<VaultErrorKind, ErrorCode>;

/**
 * What a refusal leaves open about the mount of a path that may be written wrong:
 *
 * - `any`: nothing is known of it.
 * - `kv2`: it is one of KV version 2, which Vault said, but not where its name ends.
 * - `none`: there is none.
 */
export type MountDoubt = "any" | "kv2" | "none";

/** Which other rule of Vault than an ACL policy or a role keeps a secret back. */
export type OtherRule = "sentinel" | "wrapping";

/** What Vault refused, in our words: the message never holds Vault's body unfiltered, a header, a token or a value. */
export class VaultError extends ProviderError {
  override readonly name = "VaultError";
  readonly kind: VaultErrorKind;
  /** The HTTP status, where there was an answer. */
  readonly status?: number;
  /** Milliseconds that Vault asked us to wait (`Retry-After`). */
  readonly retryAfterMs?: number;
  /** Set where a hint on the path may help (`MountLookup`). */
  readonly mount?: MountDoubt;
  /** The path itself is written wrong, for certain; the message tells how it has to be. */
  readonly wrongPath?: true;
  /** Set where no role, policy or class is at fault. */
  readonly rule?: OtherRule;

  constructor(
    kind: VaultErrorKind,
    message: string,
    options: ErrorOptions & {
      status?: number | undefined;
      retryAfterMs?: number | undefined;
      mount?: MountDoubt | undefined;
      wrongPath?: boolean;
      rule?: OtherRule;
    } = {},
  ) {
    super(codeOfKind[kind], message, options);
    this.kind = kind;
    if (options.status !== undefined) this.status = options.status;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
    if (options.mount !== undefined) this.mount = options.mount;
    if (options.wrongPath === true) this.wrongPath = true;
    if (options.rule !== undefined) this.rule = options.rule;
  }

  /** The same with more to its message, and no more to be told. */
  withHint(hint: string, wrongPath = false): VaultError {
    return new VaultError(this.kind, `${this.message}${hint}`, { status: this.status, wrongPath });
  }
}

/** Milliseconds that Vault asks to wait after this failure; 0 where it asks nothing. */
export function requestedWait(error: ProviderError): number {
  return error instanceof VaultError ? (error.retryAfterMs ?? 0) : 0;
}
