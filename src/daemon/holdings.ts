import { endsAt, replaceAt } from "../leases/answer.js";
import type { Holding } from "../leases/holding.js";
import type { Clock } from "../shared/clock.js";
import type { CredentialHolding, Holdings } from "../telemetry/holdings.js";
import type { LiveVaultClient } from "../vault/create-vault-client.js";
import { tokenReplacementAt } from "../vault/stored-token.js";
import { endOf } from "../vault/term.js";

/** What stands now, for a scrape. */
export function holdingsOf(of: { holding: Holding; client: LiveVaultClient; clock: Clock; leadMs: number }): Holdings {
  const { book, sessions, inFlight } = of.holding;
  const now = of.clock.monotonic();
  const { bindings, bytes, answers } = book.totals();
  const faults = of.client.faults();
  return {
    volumes: bindings,
    bytes,
    inFlightBytes: inFlight.total,
    answers,
    tokens: sessions.size,
    staleSeconds: book.stalest(now) / 1000,
    credentials: credentialsIn(of.holding, of.leadMs, now),
    connections: new Map([...of.client.loads()].map(([name, load]) => [name, { ...load, faulty: faults.has(name) }])),
  };
}

function credentialsIn({ book, sessions }: Holding, leadMs: number, now: number): CredentialHolding[] {
  const tokens = [...sessions.current()].map((session) =>
    standing(
      session.connection.name,
      "token",
      { from: tokenReplacementAt(session, leadMs), end: endOf(session.term) },
      now,
    ),
  );
  const others = [...book.entries()].flatMap(({ answer }) =>
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
  return [...tokens, ...others];
}

function standing(
  connection: string,
  engine: string,
  { from, end }: { from: number; end: number },
  now: number,
): CredentialHolding {
  return { connection, engine, due: now >= from, ending: now >= (from + end) / 2 };
}
