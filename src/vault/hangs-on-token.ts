import { isJsonObject } from "../shared/json.js";
import type { VaultAnswer } from "./vault-client.js";

/**
 * Whether what Vault answered ends with the token that asked: a lease, or a token that is its child. Vault says of a token that
 * it made whether it is an orphan (`auth.orphan`); it revokes every other one with its parent.
 */
export function hangsOnToken({ lease, body }: Pick<VaultAnswer, "lease" | "body">): boolean {
  if (lease) return true;
  const revealed = body.reveal();
  if (revealed === null || Buffer.isBuffer(revealed)) return false;
  const { auth } = revealed;
  return isJsonObject(auth) && auth["orphan"] !== true;
}
