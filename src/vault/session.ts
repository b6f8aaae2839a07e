import type { Connection } from "../config/connection.js";
import { type Term, endOf, renewalAt, replacementAt } from "./term.js";
import type { Caller, VaultToken } from "./vault-client.js";

/** Only Vault declares a token dead; past its time by this much we stop asking. */
const leewayMs = 5 * 60_000;

/** A login that stands: a live token, and where it is good. */
export interface Session {
  readonly tokenKey: string;
  readonly connection: Connection;
  readonly vaultNamespace: string;
  readonly token: VaultToken;
  readonly role: string;
  readonly authMount: string;
  readonly caller: Omit<Caller, "priority">;
  /** Of the token. */
  term: Term;
  /** Renewals, or attempts to revoke it, that failed in a row. */
  failures: number;
  /** Not to be tried again before. */
  retryAt: number;
  /** So policy lets it. */
  wasRenewed: boolean;
  /** Uses left of a token with `num_uses`. */
  usesLeft: number;
  /** Requests under way: a token in use is not revoked, for the answer may bring a lease. */
  inUse: number;
  /** Whether a lease hangs on the token: then it is left to end by itself when another takes its place. */
  hasLeases: boolean;
  /** Vault has said so. */
  dead: boolean;
}

/** Whether a request may be made with it. */
export function isUsable(session: Session, now: number): boolean {
  return session.usesLeft > 0 && !hasEnded(session, now);
}

/** As far as our clock tells. */
export function hasEnded({ term }: Session, now: number): boolean {
  return now >= endOf(term) + leewayMs;
}

/** When a Mount should log in anew; `Infinity` while the token's end is not in sight. */
export function tokenReplacementAt({ term, failures }: Session, leadMs: number): number {
  return replacementAt(term, leadMs, failures > 0);
}

/** When the keeper should renew its token. */
export function tokenRenewalAt({ term, retryAt }: Session): number {
  return Math.max(renewalAt(term), retryAt);
}
