import type { VaultRequest } from "../mount/mount-spec.js";
import { durationText } from "../shared/duration.js";
import { ProviderError } from "../shared/errors.js";
import { hangsOnToken } from "../vault/hangs-on-token.js";
import type { LeaseRules } from "../vault/lease-rules.js";
import type { Term } from "../vault/term.js";
import type { CachedSecret } from "./cached-secret.js";

/** Another would be created, and given back, at each attempt: until its TTL has been corrected, all for nothing. */
export class LifeTooShort extends ProviderError {}

/**
 * Why the credential may not be synced; `undefined` where it may. Between two Mounts of a sync controller, it must never come to
 * its end: what is renewed lives twice the lead for that (`leaseRules`), and so does the token it hangs on; what is replaced from
 * two thirds of its life lives three times as long as the lead.
 */
export function lifeTooShort(
  { path }: VaultRequest,
  answer: CachedSecret,
  { leadMs }: LeaseRules,
): LifeTooShort | undefined {
  const { kind, term, stored } = answer;
  const renewedMs = 2 * leadMs;
  const neededMs = kind === "issued" ? 3 * leadMs : renewedMs;
  const lifeMs = term ? lifeOf(term) : Infinity;
  if (lifeMs < neededMs) return refusal(`${path} makes a credential that lives`, lifeMs, neededMs, "its role");
  const tokenMs = lifeOf(stored.term);
  if (!hangsOnToken(answer) || tokenMs >= renewedMs) return undefined;
  const what = `the credential of ${path} ends with the Vault token of role ${stored.role}, which lives`;
  return refusal(what, tokenMs, renewedMs, "that role a token_ttl, or the Vault role");
}

function lifeOf({ grantedMs, askMs }: Term): number {
  return Math.max(grantedMs, askMs);
}

function refusal(what: string, lifeMs: number, neededMs: number, role: string): LifeTooShort {
  return new LifeTooShort(
    "invalid_request",
    `${what} ${durationText(lifeMs)}, and might end between two Mounts of the sync controller: it must live at least ${durationText(neededMs)}; give ${role} a longer TTL, or set a shorter --rotation-poll-interval in the controller and syncPollInterval in keymount`,
  );
}
