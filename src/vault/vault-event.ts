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
  /** Another address of the connection is asked from now on, and why. */
  | { kind: "failedOver"; connection: string; from: string; to: string; reason: string }
  /** There is something that only the operator can mend, or (`undefined`) no more. */
  | { kind: "faultChanged"; connection: string; fault: string | undefined }
  /** New TLS files cannot be used; the old ones stay. */
  | { kind: "tlsFilesRejected"; connection: string; reason: string };

/** What becomes of Vault tokens, and of what is made with them and given to nobody. */
export type TokenEvent =
  | { kind: "loggedIn"; principal: Principal; token: VaultToken }
  | { kind: "loginFailed"; principal: Principal; error: ProviderError }
  | { kind: "tokenRevoked"; stored: StoredToken }
  /** It never will be, and ends with its time. */
  | { kind: "tokenNotRevoked"; stored: StoredToken; error: ProviderError }
  /** It has another term; where `stored.term.renewable` is false, renewals move its end no more. */
  | { kind: "tokenRenewed"; stored: StoredToken }
  /** Not now, or not ever (`stored.term.renewable`). */
  | { kind: "tokenNotRenewed"; stored: StoredToken; error: ProviderError }
  /** Vault says that it is dead. */
  | { kind: "tokenDied"; stored: StoredToken }
  /** A credential that nobody was given lives on until its time: neither its lease nor its token could be revoked. */
  | { kind: "notGivenBack"; stored: StoredToken; path: string; error: ProviderError };
