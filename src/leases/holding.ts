import type { Clock } from "../shared/clock.js";
import type { ProviderError } from "../shared/errors.js";
import { FairBudget } from "../shared/fair-budget.js";
import type { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import type { Random } from "../shared/random.js";
import { Sessions, type SessionsObserver } from "../vault/sessions.js";
import type { LeaseRules } from "../vault/term.js";
import type { VaultClient } from "../vault/vault-client.js";
import { VaultSecrets } from "../vault/vault-secrets.js";
import { AccountLedger, type LedgerObserver } from "./account-ledger.js";
import { AnswerBook, type BookLimits } from "./answer-book.js";
import { HeldAnswers, type HeldAnswersObserver } from "./held-answers.js";
import { LeaseKeeper, type LeaseKeeperObserver } from "./lease-keeper.js";

export interface HoldingParts {
  client: VaultClient;
  clock: Clock;
  random: Random;
  limits: BookLimits & { inFlightBytes: number; responseBytes: number };
  scheduler: EventLoopScheduler;
  rules: LeaseRules;
  observer: SessionsObserver & HeldAnswersObserver;
  keeperObserver: LeaseKeeperObserver & LedgerObserver;
  /** Which pods are known to live; where nobody knows, none is. */
  lives: (podUid: string) => boolean;
  /** See `HeldAnswersParts`. */
  refreshWished: (podUid: string) => string | undefined;
  /** See `HeldAnswersParts`. */
  credentialsRefused: () => ProviderError | undefined;
  /** Ends what goes on in the background. */
  lifetime: AbortSignal;
}

/** Everything that holds, each part knowing the others it needs. */
export interface Holding {
  book: AnswerBook;
  sessions: Sessions;
  answers: HeldAnswers;
  keeper: LeaseKeeper;
  ledger: AccountLedger;
  /** Bytes of answers on their way to Mounts, and of the files made of them. */
  inFlight: FairBudget;
}

/** Puts together what answers Mounts, what renews, and what survives. Nothing is started. */
export function createHolding(parts: HoldingParts): Holding {
  const { client, clock, random, limits, rules, observer, keeperObserver, lifetime } = parts;
  const book = new AnswerBook(limits, (tokenKey) => secrets.close(tokenKey), parts.lives);
  const ledger = new AccountLedger({ book, sessions: () => sessions, clock, random, observer: keeperObserver });
  const common = { client, clock, random, rules, keeping: ledger };
  const sessions: Sessions = new Sessions({ ...common, observer, lifetime });
  const secrets: VaultSecrets = new VaultSecrets({ client, sessions, lifetime });
  const { refreshWished, credentialsRefused, scheduler } = parts;
  const inFlight = new FairBudget(limits.inFlightBytes);
  const answers = new HeldAnswers({
    ...common,
    book,
    inFlight,
    mountBytes: 2 * limits.responseBytes,
    scheduler,
    fresh: secrets,
    observer,
    refreshWished,
    credentialsRefused,
  });
  const keeper = new LeaseKeeper({ ...common, book, sessions, observer: keeperObserver });
  return { book, sessions, answers, keeper, ledger, inFlight };
}
