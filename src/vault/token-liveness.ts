import { ProviderError } from "../shared/errors.js";
import type { StoredToken } from "./stored-token.js";
import type { Priority, VaultClient } from "./vault-client.js";
import { VaultError } from "./vault-error.js";

/**
 * What a refusal says of the token it was given to:
 *
 * - `alive`: for certain, or nothing speaks against it: the refusal is about the request, or no answer of Vault's.
 * - `dead`: for certain.
 * - `mute`: a denial, by a token that may not look itself up, of which it is not known whether it ever could.
 * - an error: Vault could not be asked, so nothing is decided.
 */
export type Liveness = "alive" | "dead" | "mute" | ProviderError;

export interface LivenessQuestion {
  client: Pick<VaultClient, "lookupSelf">;
  stored: StoredToken;
  error: ProviderError;
  /** The token, or the one before it, was let do what it is refused. */
  allowedBefore: boolean;
  priority: Priority;
}

/**
 * The one rule for what a refusal says of its token. Vault and OpenBao tell a dead one from a denied one (`classifyResponse`);
 * but a token whose entity was deleted, or whose network is not its role's, is denied everything. That is settled by asking it
 * about itself. Notes in the token whether it may. Throws only the signal's reason.
 */
export async function livenessOf(
  { client, stored, error, allowedBefore, priority }: LivenessQuestion,
  signal: AbortSignal,
): Promise<Liveness> {
  if (!(error instanceof VaultError)) return "alive";
  if (error.kind === "token_invalid") return "dead";
  if (error.kind !== "denied") return "alive";
  if (stored.maySelfLookup === false) return allowedBefore ? "dead" : "alive";
  try {
    await client.lookupSelf(stored.connection, stored, { ...stored.caller, priority }, signal);
    stored.maySelfLookup = true;
    return "alive";
  } catch (reason) {
    signal.throwIfAborted();
    const lookupError = ProviderError.from(reason);
    if (!(lookupError instanceof VaultError)) return lookupError;
    if (lookupError.kind === "token_invalid") return "dead";
    if (lookupError.kind !== "denied") return lookupError;
    return stored.maySelfLookup === true || allowedBefore ? "dead" : "mute";
  }
}

/** For a token that was issued just now: learns whether it may look itself up, so that a later denial can be settled. */
export async function learnSelfLookup(
  client: Pick<VaultClient, "lookupSelf">,
  stored: StoredToken,
  priority: Priority,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.lookupSelf(stored.connection, stored, { ...stored.caller, priority }, signal);
    stored.maySelfLookup = true;
  } catch (reason) {
    signal.throwIfAborted();
    if (reason instanceof VaultError && reason.kind === "denied") stored.maySelfLookup = false;
  }
}
