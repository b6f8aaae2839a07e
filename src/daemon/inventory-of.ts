import { endsAt, replaceAt } from "../leases/cached-secret.js";
import type { Credentials } from "../leases/credentials.js";
import type { Clock } from "../shared/clock.js";
import type { CredentialHolding, Inventory } from "../telemetry/inventory.js";
import type { LiveVaultClient } from "../vault/create-vault-client.js";
import { tokenReplacementAt } from "../vault/stored-token.js";
import { endOf } from "../vault/term.js";

/** What stands now, for a scrape. */
export function inventoryOf(of: {
  credentials: Credentials;
  client: LiveVaultClient;
  clock: Clock;
  leadMs: number;
}): Inventory {
  const { cache, tokens, inFlight } = of.credentials;
  const now = of.clock.monotonic();
  const { bindings, bytes, answers } = cache.totals();
  const faults = of.client.faults();
  return {
    volumes: bindings,
    bytes,
    inFlightBytes: inFlight.total,
    answers,
    tokens: tokens.size,
    staleSeconds: cache.stalest(now) / 1000,
    credentials: credentialsIn(of.credentials, of.leadMs, now),
    connections: new Map([...of.client.loads()].map(([name, load]) => [name, { ...load, faulty: faults.has(name) }])),
  };
}

function credentialsIn({ cache, tokens }: Credentials, leadMs: number, now: number): CredentialHolding[] {
  const standingTokens = [...tokens.current()].map((session) =>
    standing(
      session.connection.name,
      "token",
      { from: tokenReplacementAt(session, leadMs), end: endOf(session.term) },
      now,
    ),
  );
  const others = [...cache.entries()].flatMap(({ answer }) =>
    answer && answer.kind !== "static"
      ? [
          standing(
            answer.session.connection.name,
            answer.engine,
            { from: replaceAt(answer, leadMs), end: endsAt(answer) },
            now,
          ),
        ]
      : [],
  );
  return [...standingTokens, ...others];
}

function standing(
  connection: string,
  engine: string,
  { from, end }: { from: number; end: number },
  now: number,
): CredentialHolding {
  return { connection, engine, due: now >= from, ending: now >= (from + end) / 2 };
}
