/** What the operator, and the caller of Mounts, determine about the life of tokens and leases. Milliseconds. */
export interface LeaseRules {
  /** What renewals ask for at most. */
  maxOrphanMs: number;
  /** How long it may take until a Mount comes that can replace something. */
  leadMs: number;
  /** The least share of a grant after which it is renewed; up to 0.12 more are drawn. */
  renewFrom: number;
  /** How long a Mount is awaited that should replace something, before its absence is told. */
  mountWithinMs: number;
  /** The Mounts are those of a sync controller: what it stops asking for is revoked. */
  syncs: boolean;
}

export interface LeaseSettings {
  driverPollIntervalMs: number;
  maxOrphanMs: number;
  /** Present where a sync controller calls instead of the driver. */
  syncPollIntervalMs?: number;
}

/** The kubelet republishes a volume at least every 90 s; the second time makes up for one that failed. */
const republishTwiceMs = 2 * 90_000;
/** A sync controller's Mount comes late by as much of its interval: it has one worker, and waits after a failure. */
const lateness = 0.1;

/**
 * The kubelet's Mounts come within minutes. A sync controller's come once in its interval (0.0.4: a ticker, then a queue with
 * one worker). The lead is longer than that interval, and what it takes to always have the lead left follows from it: grants
 * of twice the lead, renewed before half of them is over, for a renewal may turn out to be the last.
 */
export function leaseRules({ driverPollIntervalMs, maxOrphanMs, syncPollIntervalMs }: LeaseSettings): LeaseRules {
  if (syncPollIntervalMs === undefined) {
    const leadMs = driverPollIntervalMs + republishTwiceMs;
    return { maxOrphanMs, leadMs, renewFrom: 0.6, mountWithinMs: 0, syncs: false };
  }
  const leadMs = Math.round(syncPollIntervalMs * (1 + lateness));
  return {
    maxOrphanMs: Math.max(maxOrphanMs, 2 * leadMs),
    leadMs,
    renewFrom: 0.35,
    mountWithinMs: leadMs,
    syncs: true,
  };
}
