/** A credential as the daemon tells of it (`keymount leases`): who has it and when it is due, never what it is. Times are milliseconds since the epoch. */
export interface CredentialInfo {
  kind: "token" | "lease" | "issued";
  connection: string;
  vaultNamespace: string;
  /** Type of the engine, as Vault names it or its answer tells; `token` for tokens. */
  engine: string;
  /** What was asked of Vault: `database/creds/app`; for a token its login, `auth/kubernetes/login`. */
  path: string;
  role: string;
  /** Of the token, or of the one that it hangs on; it is in Vault's audit log, too. */
  tokenAccessor: string;
  /** Kubernetes namespace whose it is. */
  namespace: string;
  /** Who uses it; none where a sync controller does. */
  pods: readonly { namespace: string; name: string; uid: string }[];
  volumes: number;
  /**
   * - `held`: renewed, or long from its end.
   * - `due`: its end is in sight, and the next Mount replaces it.
   * - `ending`: the same, and half of the time for that is over.
   * - `replaced`: another has its place; it ends by itself.
   * - `dead`: Vault does not know it any more; the next Mount replaces it.
   * - `leaving`: it is not needed any more, and will be revoked.
   */
  state: "held" | "due" | "ending" | "replaced" | "dead" | "leaving";
  renewAt?: number;
  replaceAt?: number;
  endsAt?: number;
  /** Renewals, or revocations, that failed in a row. */
  failures: number;
}

/** How revoking went, in tokens. */
export interface RevokedTokens {
  revoked: number;
  failed: number;
  /** Those of the failed that are tried again; Vault refused to revoke the others, which end with their TTL. */
  retried: number;
}

/** How a `keymount revoke-all` went. */
export interface RevokedAll extends RevokedTokens {
  /** Files of the state directory, with what is static, that could not be deleted or written yet. It is tried again. */
  undeleted: number;
}
