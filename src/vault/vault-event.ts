import type { Principal } from "../mount/ports.js";
import type { ProviderError } from "../shared/errors.js";
import type { OperationKind } from "./operation.js";
import type { StoredToken } from "./stored-token.js";
import type { VaultToken } from "./vault-client.js";
import type { VaultErrorKind } from "./vault-error.js";

/** What happens between keymount and one Vault connection. Nothing in it is secret. */
export type ConnectionEvent =
  /** One attempt at one node took `ms`, or was given up (`cancelled`). */
  | {
      kind: "vaultRequested";
      connection: string;
      operation: OperationKind | "health";
      outcome: "ok" | "cancelled" | VaultErrorKind;
      ms: number;
    }
  /** Another address of the connection is used from now on, for this reason. */
  | { kind: "failedOver"; connection: string; from: string; to: string; reason: string }
  /** There is a fault that only the cluster administrator can fix, or (`undefined`) it is gone. */
  | { kind: "faultChanged"; connection: string; fault: string | undefined }
  /** New TLS files cannot be used; the old ones stay. */
  | { kind: "tlsFilesRejected"; connection: string; reason: string };

/** What happens to Vault tokens, and to undelivered credentials created with them. */
export type TokenEvent =
  | { kind: "loggedIn"; principal: Principal; token: VaultToken }
  | { kind: "loginFailed"; principal: Principal; error: ProviderError }
  | { kind: "tokenRevoked"; stored: StoredToken }
  /** It will not be revoked, and ends with its time. */
  | { kind: "tokenNotRevoked"; stored: StoredToken; error: ProviderError }
  /** It has a new term; where `stored.term.renewable` is false, renewals no longer extend it. */
  | { kind: "tokenRenewed"; stored: StoredToken }
  /** The renewal failed for now, or for good (`stored.term.renewable` is false). */
  | { kind: "tokenNotRenewed"; stored: StoredToken; error: ProviderError }
  /** Vault says that it is dead. */
  | { kind: "tokenDied"; stored: StoredToken }
  /** An undelivered credential lives on until its time: neither its lease nor its token could be revoked. */
  | { kind: "credentialOrphaned"; stored: StoredToken; path: string; error: ProviderError };
