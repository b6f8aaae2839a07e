import type { Data } from "../../vault/answer.js";
import type { ServiceAccountIssuer } from "../../vault/service-account-issuer.js";

/** A Vault on context, fresh and unsealed, and the hands needed to put it into each situation. */
export interface VaultUnderTest {
  readonly address: string;
  readonly rootToken: string;
  /** Signs what pods bring; its key is what jwt auth is given, its reviews are what kubernetes auth hears. */
  readonly issuer: ServiceAccountIssuer;
  /** The body for `auth/kubernetes/config`. */
  readonly kubernetesConfig: Data;
  /** The API server of kubernetes auth goes away, or comes back. */
  readonly setApiServerDown: (down: boolean) => Promise<void>;
  readonly unsealKey: string;
  /** Absent where there is no database to be had. */
  readonly database?: DatabaseSubject;
  /** A standby of the same Vault; absent where it has none. */
  readonly standbyAddress?: string;
  readonly stop: () => Promise<void>;
}

export interface DatabaseSubject {
  /** As `connection_url`: `host=… user=… dbname=…`. */
  readonly url: string;
  /** The names of the users Vault made and has not taken back. */
  readonly users: () => Promise<string[]>;
  readonly setDown: (down: boolean) => Promise<void>;
}
