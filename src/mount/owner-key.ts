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
  /**
   * What a sync controller asks for, which has no volume of a pod. With a token of its own, all that was leased for it is
   * revoked by every policy once it is not asked for any more.
   */
  parametersDigest?: string;
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
    owner.parametersDigest ?? null,
  ]);
}

/**
 * Equal for the pods of one service account that ask alike, with tokens of one issuer, and only for them: the owner key
 * less the pod, or what a sync controller asks for.
 */
export function accountKey({ podUid: _pod, parametersDigest: _asked, ...account }: TokenOwner, issuer: string): string {
  return JSON.stringify([ownerKey(account), issuer]);
}
