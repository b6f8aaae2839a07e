import type { Connection } from "../config/connection.js";
import type { LeaseRules } from "./lease-rules.js";
import { type Standing, type Term, endOf, renewalAt, replacementAt, standingAt } from "./term.js";
import type { VaultToken } from "./vault-client.js";

/** Only Vault declares a token dead; past its time by this much we stop asking. */
const leewayMs = 5 * 60_000;

/** By so much the ends of service account tokens, which are told in wall time, may be off; the kubelet's next one ends later by 8 min at least. */
const skewMs = 60_000;

/**
 * - `current`: new requests of its owner key are made with it.
 * - `retired`: another has its place, but a request or what hangs on it still needs it; it ends by itself, or with its owner.
 * - `leaving`: it is not needed; it is revoked as soon as Vault allows it.
 * - `dead`: revoked, ended, or Vault says so. It is in no store any more; its leases and child tokens are dead as well.
 */
export const tokenStates = ["current", "retired", "leaving", "dead"] as const;
export type TokenState = (typeof tokenStates)[number];

/** No state is ever entered again. */
const following: Record<TokenState, readonly TokenState[]> = {
  current: ["retired", "leaving", "dead"],
  retired: ["leaving", "dead"],
  leaving: ["dead"],
  dead: [],
};

/** A token of a `TokenStore`: what a login issued, where it is good, and what hangs on it. */
export interface StoredToken {
  readonly ownerKey: string;
  readonly connection: Connection;
  readonly vaultNamespace: string;
  readonly token: VaultToken;
  readonly role: string;
  readonly authMount: string;
  readonly caller: { readonly namespace: string; readonly pod?: string };
  state: TokenState;
  /** Of the token. */
  term: Term;
  /** Of the service account token that the login was made with, from the login on; absent where it does not end. */
  readonly serviceToken?: Term;
  /** Renewals, or attempts to revoke it, that failed in a row. */
  failures: number;
  /** Not to be tried again before. */
  retryAt: number;
  /** So policy lets it. */
  wasRenewed: boolean;
  /** Whether policy lets it look itself up, as far as it is known. */
  maySelfLookup?: boolean;
  /** Uses left of a token with `num_uses`. */
  usesLeft: number;
  /** Requests under way: a token in use is not revoked, for the answer may hang on it. */
  inUse: number;
  /**
   * Leases and child tokens made with it that somebody was given: with any, it is left to end by itself when another takes
   * its place.
   */
  leases: number;
}

/** Moves the token on. `false`, and nothing is changed, where its state does not lead there. */
export function moveTo(stored: StoredToken, state: TokenState): boolean {
  if (!following[stored.state].includes(state)) return false;
  stored.state = state;
  return true;
}

/** Whether a request may be made with it. */
export function isUsable(stored: StoredToken, now: number): boolean {
  return stored.usesLeft > 0 && !hasEnded(stored, now);
}

/** As far as our clock tells. */
export function hasEnded({ term }: StoredToken, now: number): boolean {
  return now >= endOf(term) + leewayMs;
}

/** When a Mount should log in again; `Infinity` for a token that never ends. */
export function tokenReplacementAt({ term }: StoredToken, leadMs: number): number {
  return replacementAt(term, leadMs);
}

/** Where renewals end with the service account token: from when on a Mount that brings a later one should put it in place. */
export function reloginAt({ serviceToken }: StoredToken, leadMs: number): number {
  return serviceToken ? replacementAt(serviceToken, leadMs) : Infinity;
}

/**
 * Whether the refusal of a renewal says that renewals end with the service account token: there were some before it ended,
 * and there are none since.
 */
export function endsRenewals({ serviceToken, wasRenewed }: StoredToken, now: number): boolean {
  return wasRenewed && serviceToken !== undefined && now >= endOf(serviceToken) - skewMs;
}

/** Whether a service account token that ends then (of `Clock.monotonic()`) is a later one than the login's. */
export function isLater(endsAt: number, { serviceToken }: StoredToken): boolean {
  return serviceToken !== undefined && endsAt > endOf(serviceToken) + skewMs;
}

/** Where the token stands in its life. */
export function tokenStanding(stored: StoredToken, { leadMs, mountWithinMs }: LeaseRules, now: number): Standing {
  return standingAt(now, tokenReplacementAt(stored, leadMs), endOf(stored.term), mountWithinMs);
}

/** When the renewal loop should renew its token. */
export function tokenRenewalAt({ term, retryAt }: StoredToken): number {
  return Math.max(renewalAt(term), retryAt);
}
