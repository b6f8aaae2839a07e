import type { VaultError } from "./vault-error.js";

/**
 * Who failed:
 *
 * - `request`: none of the servers; the request was refused for what it is.
 * - `engine`: what stands behind the path, or the Vault namespace. Other paths are asked as before.
 * - `node`: the node itself. Others are better asked, and this one not before its health is good.
 * - `unsettled`: one of the last two. A path alone can bring it about (a proxy's 502, an engine that hangs), so the
 *   node's own `sys/health` decides.
 */
export type FailureScope = "request" | "engine" | "node" | "unsettled";

/** A failed attempt: what it means to the caller, and whether another attempt may succeed. */
export interface Failure {
  error: VaultError;
  /**
   * Whether to try again within the call: `always` when Vault did nothing, `repeatable` when it may have done it,
   * `elsewhere` when it did nothing but this node will go on refusing.
   */
  retry: "never" | "always" | "repeatable" | "elsewhere";
  scope: FailureScope;
  /** The listed origin that the node sent us to. */
  redirectTo?: string;
  /** The answer says that there is no leader, or where it is: a standby's to say. */
  ofLeader?: true;
  /** A standby that answered nothing else meanwhile did not answer in time: it may have lost its leader, and another is better asked next. */
  timedOutAtStandby?: true;
  /** No answer came in time. */
  timedOut?: true;
}

/** A failure of the request's own: another attempt would fail alike. */
export function final(error: VaultError): Failure {
  return { error, retry: "never", scope: "request" };
}
