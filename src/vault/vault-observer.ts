import type { OperationKind } from "./operation.js";
import type { VaultErrorKind } from "./vault-error.js";

/** What the client tells of itself; the daemon joins it to metrics and the log. Nothing told here is secret. */
export interface VaultObserver {
  /** One attempt at one node, or that it was given up (`cancelled`). */
  request(event: {
    connection: string;
    kind: OperationKind | "health";
    outcome: "ok" | "cancelled" | VaultErrorKind;
    ms: number;
  }): void;
  /** Another address of the connection is asked from now on, and why. */
  failedOver(event: { connection: string; from: string; to: string; reason: string }): void;
  /** There is something that only the operator can mend, or (`undefined`) no more. */
  faultChanged(event: { connection: string; fault: string | undefined }): void;
  /** New TLS files cannot be used; the old ones stay. */
  tlsFilesRejected(event: { connection: string; reason: string }): void;
}
