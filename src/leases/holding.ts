import type { Clock } from "../shared/clock.js";
import type { ProviderError } from "../shared/errors.js";
import { FairBudget } from "../shared/fair-budget.js";
import type { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import type { Random } from "../shared/random.js";
import type { CredentialPaths } from "../vault/credential-paths.js";
import { TokenStore, type TokenStoreObserver } from "../vault/token-store.js";
import type { LeaseRules } from "../vault/term.js";
import type { VaultClient } from "../vault/vault-client.js";
import { VaultSecrets, type VaultSecretsObserver } from "../vault/vault-secrets.js";
import { StateJournal, type StateJournalObserver } from "./state-journal.js";
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
  /** What is known of paths that make credentials; shared with the client, which waits for those. */
  paths: CredentialPaths;
  observer: TokenStoreObserver & HeldAnswersObserver & VaultSecretsObserver;
  keeperObserver: LeaseKeeperObserver & StateJournalObserver;
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
  sessions: TokenStore;
  answers: HeldAnswers;
  keeper: LeaseKeeper;
  ledger: StateJournal;
  /** Bytes of answers on their way to Mounts, and of the files made of them. */
  inFlight: FairBudget;
  /** Resolves when nothing is being made or given back any more, and what was made has been written. */
  settled(): Promise<void>;
}

/** Puts together what answers Mounts, what renews, and what survives. Nothing is started. */
export function createHolding(parts: HoldingParts): Holding {
  const { client, clock, random, limits, rules, observer, keeperObserver, lifetime, paths } = parts;
  const book = new AnswerBook(limits, (tokenKey) => sessions.close(tokenKey), parts.lives);
  const ledger = new StateJournal({ book, sessions: () => sessions, paths, clock, random, observer: keeperObserver });
  const common = { client, clock, random, rules, journal: ledger };
  const isNeeded = (tokenKey: string) => book.isNeeded(tokenKey);
  const sessions: TokenStore = new TokenStore({ ...common, isNeeded, observer, lifetime });
  const secrets = new VaultSecrets({ client, sessions, paths, observer, lifetime });
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
  const settled = async () => {
    await answers.settled(); // Each may log in, and give back.
    await Promise.all([sessions.settled(), secrets.settled()]);
    await ledger.settled();
  };
  return { book, sessions, answers, keeper, ledger, inFlight, settled };
}
