/** What a Vault token belongs to. Pods share one only if all of this is equal. */
export interface TokenOwner {
  connection: string;
  vaultNamespace: string;
  authMount: string;
  role: string;
  audience: string;
  /** Of the service account. */
  namespace: string;
  serviceAccount: string;
  serviceAccountUid: string;
  /** Absent where the operator lets the pods of a service account share a token, or the JWT names no pod. */
  podUid?: string;
}

/** Equal for equal owners, and only for them. */
export function ownerKey(owner: TokenOwner): string {
  return JSON.stringify([
    owner.connection,
    owner.vaultNamespace,
    owner.authMount,
    owner.role,
    owner.audience,
    owner.namespace,
    owner.serviceAccount,
    owner.serviceAccountUid,
    owner.podUid ?? null,
  ]);
}
