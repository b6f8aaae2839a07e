import type { AnswerBook } from "../leases/answer-book.js";
import type { Clock } from "../shared/clock.js";
import type { Holdings } from "../telemetry/holdings.js";
import type { LiveVaultClient } from "../vault/create-vault-client.js";
import type { Sessions } from "../vault/sessions.js";

/** What stands now, for a scrape. */
export function holdingsOf(of: {
  book: AnswerBook;
  sessions: Sessions;
  client: LiveVaultClient;
  clock: Clock;
}): Holdings {
  const { bindings, bytes, answers } = of.book.totals();
  const faults = of.client.faults();
  return {
    volumes: bindings,
    bytes,
    answers,
    tokens: of.sessions.size,
    staleSeconds: of.book.stalest(of.clock.monotonic()) / 1000,
    connections: new Map([...of.client.loads()].map(([name, load]) => [name, { ...load, faulty: faults.has(name) }])),
  };
}
