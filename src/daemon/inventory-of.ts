import { isCredential, standingOf } from "../leases/cached-secret.js";
import type { Credentials } from "../leases/credentials.js";
import type { Clock } from "../shared/clock.js";
import type { CredentialState, Inventory } from "../telemetry/inventory.js";
import type { LiveVaultClient } from "../vault/create-vault-client.js";
import type { LeaseRules } from "../vault/lease-rules.js";
import { tokenStanding } from "../vault/stored-token.js";

/** What stands now, for a scrape. */
export function inventoryOf(of: {
  credentials: Credentials;
  client: LiveVaultClient;
  clock: Clock;
  rules: LeaseRules;
}): Inventory {
  const { cache, tokens, inFlight } = of.credentials;
  const now = of.clock.monotonic();
  const { volumes, bytes, answers } = cache.totals();
  const faults = of.client.faults();
  return {
    volumes,
    bytes,
    inFlightBytes: inFlight.total,
    answers,
    tokens: tokens.size,
    staleSeconds: cache.stalest(now) / 1000,
    credentials: credentialsIn(of.credentials, of.rules, now),
    connections: new Map([...of.client.loads()].map(([name, load]) => [name, { ...load, faulty: faults.has(name) }])),
  };
}

function credentialsIn({ cache, tokens }: Credentials, rules: LeaseRules, now: number): CredentialState[] {
  const ofTokens = [...tokens.current()].map((stored) => ({
    connection: stored.connection.name,
    engine: "token",
    standing: tokenStanding(stored, rules, now),
  }));
  const ofAnswers = [...cache.entries()].flatMap(({ answer }) =>
    answer && isCredential(answer)
      ? [
          {
            connection: answer.stored.connection.name,
            engine: answer.engine,
            standing: standingOf(answer, rules, now),
          },
        ]
      : [],
  );
  return [...ofTokens, ...ofAnswers];
}
