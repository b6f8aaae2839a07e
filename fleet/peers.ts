import type { Fleet } from "./scenarios.js";

/** What a fleet asks of Vault in an ordinary hour: requests a second, and what is outstanding. */
export interface Load {
  logins: number;
  reads: number;
  renewals: number;
  tokens: number;
  leases: number;
}

const tokenSeconds = 3_600;
/** A republish of a volume comes every 60 to 90 s, whatever `rotation-poll-interval` says (the driver's contract). */
const republishSeconds = 75;
/** The Agent's `static_secret_render_interval`. */
const renderSeconds = 300;
/** Of an ExternalSecret, unless it says otherwise; one stands for the ten pods of a Deployment. */
const [refreshSeconds, podsOfSecret] = [3_600, 10];

/**
 * The other ways to bring the same secrets to the same pods, by formula:
 *
 * - the Go provider (vault-csi-provider 1.7.4: `internal/clientcache`, `internal/provider`) keeps one token for each pod,
 *   renews nothing, and reads every object at every republish, which makes a database login each time;
 * - the injected Agent keeps one token for each pod, renews it and its leases at two thirds, and renders every five minutes;
 * - External Secrets Operator (2.9: Vault provider without `--enable-vault-token-cache`) logs in and reads at each refresh,
 *   revokes its token after it, and renews no lease.
 */
export function peers({ nodes, podsPerNode, objects, leased }: Fleet): Record<string, Load> {
  const pods = nodes * podsPerNode;
  const secrets = pods / podsOfSecret;
  return {
    "Go provider": {
      logins: pods / tokenSeconds,
      reads: (pods * (objects + leased)) / republishSeconds,
      renewals: 0,
      tokens: pods,
      leases: (pods * leased * tokenSeconds) / republishSeconds,
    },
    "Agent in each pod": {
      logins: 0,
      reads: (pods * objects) / renderSeconds,
      renewals: (pods * (1 + leased)) / (tokenSeconds * (2 / 3)),
      tokens: pods,
      leases: pods * leased,
    },
    "External Secrets": {
      logins: secrets / refreshSeconds,
      reads: (secrets * (objects + leased)) / refreshSeconds,
      renewals: 0,
      tokens: 0,
      leases: secrets * leased,
    },
  };
}
