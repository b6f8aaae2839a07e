import type { VaultError } from "./vault-error.js";

/** A failed attempt: what it means to the caller, and whether another attempt may mend it. */
export interface Failure {
  error: VaultError;
  /**
   * Whether to try again within the call: `always` when Vault did nothing, `repeatable` when it may have done it,
   * `elsewhere` when it did nothing but this node will go on refusing.
   */
  retry: "never" | "always" | "repeatable" | "elsewhere";
  /** Whether the node is at fault, so that others are better asked; an engine's broken backend is not its node's fault. */
  blamesNode: boolean;
  /** The listed origin that the node sent us to. */
  redirectTo?: string;
}

export function final(error: VaultError): Failure {
  return { error, retry: "never", blamesNode: false };
}
