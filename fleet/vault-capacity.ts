/** What is asked of Vault, as it is counted. */
export const requestKinds = ["login", "read", "lease", "renewal", "revocation", "health"] as const;
export type RequestKind = (typeof requestKinds)[number];

/**
 * CPU milliseconds of Vault's leader for one request: Vault 1.21.1, three nodes on integrated storage, kubernetes auth with a
 * TokenReview for each login, KV version 2 of 1 KiB; measured by `fleet/vault-cost.ts`, rounded up. A database login
 * is taken for two writes of Vault's own, as a login is.
 */
export const cpuMs: Readonly<Record<RequestKind, number>> = {
  login: 3.2,
  read: 0.8,
  lease: 3.2,
  renewal: 1.7,
  revocation: 4.6,
  health: 0.1,
};

/**
 * Of one active node: the standbys of a cluster of three forward to it, or wait (performance standbys of Vault Enterprise
 * also read). HashiCorp's size "large" has 4 to 8 cores (Vault: Solution Design Guide, "Detailed design": Compute); a fifth
 * is left to raft, audit and the expiration of leases.
 */
export const cores = 8;
export const usable = 0.8;

/** CPU milliseconds of Vault in a second. */
export const capacityMs = cores * 1000 * usable;
