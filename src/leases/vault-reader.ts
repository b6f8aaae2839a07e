import type { VaultRequest } from "../mount/mount-spec.js";
import type { Principal } from "../mount/ports.js";
import type { StoredToken } from "../vault/stored-token.js";
import type { AnswerIntake, Priority, VaultAnswer } from "../vault/vault-client.js";
import type { Undelivered } from "../vault/vault-secrets.js";

/** Reads from Vault as the principal. */
export interface VaultReader {
  /** A Mount brings the principal's service account token. */
  offer(principal: Principal): void;

  ask(
    principal: Principal,
    request: VaultRequest,
    options: { priority: Priority; mayWait: boolean; allowedBefore: boolean; intake: AnswerIntake },
    signal: AbortSignal,
  ): Promise<{ reply: VaultAnswer; stored: StoredToken }>;

  /** Whether a read of this path is known to create a credential. */
  hasMade(principal: Principal, request: VaultRequest): boolean;

  /** Revokes, in the background, a credential that will not be delivered; one that hangs on no token can only be reported. */
  revokeUndelivered(answer: Undelivered, path: string): void;
}
