import type { LedgerObserver } from "../leases/account-ledger.js";
import type { HeldAnswersObserver } from "../leases/held-answers.js";
import { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import { type Holding, type HoldingParts, createHolding } from "../leases/holding.js";
import type { LeaseKeeperObserver } from "../leases/lease-keeper.js";
import { Redacted } from "../shared/redacted.js";
import type { Session } from "../vault/session.js";
import type { SessionsObserver } from "../vault/sessions.js";
import { newTerm } from "../vault/term.js";
import { sampleConnection } from "./connection.js";

type Told = SessionsObserver & HeldAnswersObserver & LeaseKeeperObserver & LedgerObserver;

/** Tells nobody. */
export function quietObserver(change: Partial<Told> = {}): Told {
  return {
    loggedIn() {},
    loginFailed() {},
    dropped() {},
    tokenRenewed() {},
    tokenNotRenewed() {},
    tokenDied() {},
    heldInstead() {},
    limitReached() {},
    credentialMade() {},
    livesTooShort() {},
    leaseRenewed() {},
    leaseNotRenewed() {},
    leaseGone() {},
    endsUnreplaced() {},
    accountRestored() {},
    accountNotRestored() {},
    notKept() {},
    ...change,
  };
}

/** A lead of five minutes and an hour for what is orphaned, as without settings. */
export const usualRules = { maxOrphanMs: 3_600_000, leadMs: 300_000 };

export function sampleLimits(change: Partial<HoldingParts["limits"]> = {}): HoldingParts["limits"] {
  return { bindings: 1_000, bytes: 64 << 20, inFlightBytes: 64 << 20, responseBytes: 3584 << 10, ...change };
}

/** What holds, in front of any `VaultClient`; every draw is one half, unless said. */
export function testHolding(
  parts: Pick<HoldingParts, "client" | "clock"> & Partial<HoldingParts> & { tell?: Partial<Told> },
): Holding {
  const observer = quietObserver(parts.tell);
  return createHolding({
    random: () => 0.5,
    scheduler: new EventLoopScheduler(),
    limits: sampleLimits(),
    rules: usualRules,
    observer,
    keeperObserver: observer,
    lives: () => false,
    refreshWished: () => undefined,
    credentialsRefused: () => undefined,
    lifetime: new AbortController().signal,
    ...parts,
  });
}

/** A token of an hour, as a login would have got it at 0. */
export function sampleSession(change: Partial<Session> = {}): Session {
  return {
    tokenKey: "key-1",
    connection: sampleConnection(),
    vaultNamespace: "",
    role: "web",
    authMount: "kubernetes",
    token: {
      secret: new Redacted("t"),
      accessor: "a",
      type: "service",
      renewable: true,
      issuedAt: 0,
      ttlMs: 3_600_000,
    },
    caller: { namespace: "shop", pod: "shop/web-0/uid-1" },
    term: newTerm({ requestedAt: 0, durationMs: 3_600_000, renewable: true }, 3_600_000, 0.5),
    failures: 0,
    retryAt: 0,
    wasRenewed: false,
    usesLeft: Infinity,
    inUse: 0,
    hasLeases: false,
    dead: false,
    ...change,
  };
}
