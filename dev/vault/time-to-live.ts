import { shortDuration } from "./fields.js";

/** The system's default and longest life of tokens and leases: 32 days. */
export const systemTtl = 2_764_800;

/** Seconds; 0 stands for "not set". */
export interface TtlLimits {
  readonly ttl: number;
  readonly maxTtl: number;
  /** Set: renewals last this long, without a maximum. */
  readonly period?: number;
  /** Holds even for a periodic token. */
  readonly explicitMaxTtl?: number;
  /** The mount's own maximum; the system's unless set. */
  readonly mountMaxTtl?: number;
}

/**
 * How long a grant lasts that was first issued at `issuedAt` and is asked for `increment` seconds at `now` (both in
 * milliseconds), with the warning Vault gives when it cuts it short. Source: Vault 1.21.1 sdk/framework/lease.go.
 */
export function grantedTtl(
  limits: TtlLimits,
  { increment, issuedAt, now }: { increment: number; issuedAt: number; now: number },
): { seconds: number; warnings: string[] } {
  const mountMax = limits.mountMaxTtl || systemTtl;
  const asked = limits.period || increment || limits.ttl || Math.min(systemTtl, mountMax);
  const maxima = [limits.period ? 0 : Math.min(limits.maxTtl || mountMax, mountMax), limits.explicitMaxTtl ?? 0];
  const max = Math.min(...maxima.filter((limit) => limit > 0));
  const left = Math.round(max - (now - issuedAt) / 1_000);
  if (asked <= left) return { seconds: asked, warnings: [] };
  const warning = `TTL of "${shortDuration(asked)}" exceeded the effective max_ttl of "${shortDuration(left)}"; TTL value is capped accordingly`;
  return { seconds: Math.max(0, left), warnings: [warning] };
}
