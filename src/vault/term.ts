import type { LeaseRules } from "./lease-rules.js";
import type { Grant } from "./vault-client.js";

/** How long something that Vault granted lasts. Times are of `Clock.monotonic()`; what never ends has `Infinity`. */
export interface Term {
  /** When the standing grant was asked for: pessimistic. */
  readonly grantedAt: number;
  readonly grantedMs: number;
  /** What a renewal asks for. */
  readonly askMs: number;
  /** Whether another renewal may move its end. */
  readonly renewable: boolean;
  /** The share of a grant after which it is renewed, drawn once: those granted together are not renewed together. */
  readonly renewAfter: number;
}

/** Less of what was asked for than this says that the end is in sight. */
const truncation = 0.9;

/**
 * A first grant. Renewals ask for as much again, but never for more than `maxOrphanMs`: so long may it outlive its node.
 * `draw` is in [0, 1).
 */
export function newTerm(
  grant: Grant,
  { maxOrphanMs, renewFrom }: Pick<LeaseRules, "maxOrphanMs" | "renewFrom">,
  draw: number,
): Term {
  const grantedMs = grant.durationMs > 0 ? grant.durationMs : Number.POSITIVE_INFINITY;
  return {
    grantedAt: grant.requestedAt,
    grantedMs,
    askMs: Math.min(grantedMs, maxOrphanMs),
    renewable: grant.renewable,
    renewAfter: renewFrom + 0.12 * draw,
  };
}

/**
 * After a renewal. Vault cuts what it grants at the ceiling (a role's max_ttl, a token's); then no renewal helps any more.
 * A grant of 0 s says "never ends" only of what never ended: elsewhere less than a second was left to grant.
 */
export function renewed(term: Term, grant: Grant): Term {
  const endless = grant.durationMs === 0 && term.grantedMs === Number.POSITIVE_INFINITY;
  const grantedMs = endless ? Number.POSITIVE_INFINITY : grant.durationMs;
  const truncated = grantedMs < truncation * term.askMs;
  return { ...term, grantedAt: grant.requestedAt, grantedMs, renewable: grant.renewable && !truncated };
}

/** Vault has said that it will not renew this. */
export function unrenewable(term: Term): Term {
  return { ...term, renewable: false };
}

/** The term of a grant of unknown age: it is not over, and may be soon. */
export function dueNow(term: Term, now: number): Term {
  const { grantedMs } = term;
  return { ...term, grantedAt: grantedMs === Number.POSITIVE_INFINITY ? now : now - grantedMs * 0.8 };
}

export function endOf({ grantedAt, grantedMs }: Term): number {
  return grantedAt + grantedMs;
}

/** `Infinity` for what cannot be renewed or need not be. */
export function renewalAt({ grantedAt, grantedMs, renewable, renewAfter }: Term): number {
  return renewable ? grantedAt + grantedMs * renewAfter : Number.POSITIVE_INFINITY;
}

/**
 * When another should take its place; `Infinity` for what never ends. Only a Mount replaces, so there must be time for one
 * to come: a fifth of the life, at least `leadMs`, but never more than half of it. What renewals still move is replaced in
 * the last fifth of its grant: by then one should have come long ago, and its obstacle may last until the end.
 */
export function replacementAt(term: Term, leadMs: number): number {
  const { grantedMs, askMs, renewable } = term;
  if (grantedMs === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  if (renewable) return endOf(term) - grantedMs / 5;
  const life = Math.max(grantedMs, askMs);
  return endOf(term) - Math.min(Math.max(life / 5, leadMs), life / 2);
}

/**
 * Where a credential stands in its life: `due` from the time a Mount should replace it, `ending` once half of the time
 * left until its end is over, and a Mount should have come (`mountWithinMs`).
 */
export type Standing = "held" | "due" | "ending";

/** Both times are `Infinity` for what never ends. */
export function standingAt(now: number, replaceAt: number, endsAt: number, mountWithinMs: number): Standing {
  const awaitedUntil = Math.max((replaceAt + endsAt) / 2, Math.min(replaceAt + mountWithinMs, endsAt));
  if (now >= awaitedUntil) return "ending";
  return now >= replaceAt ? "due" : "held";
}

/** Too short for a file mount: a Mount may well not come between the time it should be replaced and its end. */
export function isShort({ grantedMs, askMs }: Term, leadMs: number): boolean {
  return Math.max(grantedMs, askMs) < 2 * leadMs;
}
