import type { Answers, Delivered, Visit, Visitor, Wish } from "../mount/ports.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import { requestKey } from "../mount/request-key.js";
import { Attempts } from "../shared/attempts.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import { SharedWork } from "../shared/shared-work.js";
import type { Lease, Priority, VaultAnswer, VaultToken } from "../vault/vault-client.js";
import { VaultError } from "../vault/vault-error.js";
import { type Answer, answerOf, isAlive, isDue } from "./answer.js";
import type { AnswerBook, Binding, Entry } from "./answer-book.js";
import { retryDelay } from "./retry-delay.js";

/** Where fresh answers come from: Vault, as the visitor. */
export interface FreshAnswers {
  ask(
    visitor: Visitor,
    request: VaultRequest,
    options: { priority: Priority; mayWait: boolean },
    signal: AbortSignal,
  ): Promise<{ reply: VaultAnswer; token: VaultToken }>;

  /** Gives back a lease that nobody will be given; in the background, as well as policy lets it. */
  giveBack(visitor: Visitor, lease: Lease, token: VaultToken): void;
}

export interface HeldAnswersObserver {
  /** A due answer could not be had anew, so the held one stands in. */
  heldInstead(visitor: Visitor, request: VaultRequest, error: ProviderError, heldForMs: number): void;
}

export interface HeldAnswersParts {
  book: AnswerBook;
  fresh: FreshAnswers;
  clock: Clock;
  random: Random;
  observer: HeldAnswersObserver;
}

/** What one volume asks, and where its answer goes. */
interface Question {
  visitor: Visitor;
  binding: Binding;
  entry: Entry;
  request: VaultRequest;
}

/** The failures remembered at once, one for each request of a token key. */
const rememberedFailures = 8192;

/** Answers from the book first; asks Vault for what is new or due, one asking for all who want the same. */
export class HeldAnswers implements Answers {
  readonly #parts: HeldAnswersParts;
  readonly #asking = new SharedWork<Answer>();
  readonly #attempts = new Attempts<ProviderError>(rememberedFailures);

  constructor(parts: HeldAnswersParts) {
    this.#parts = parts;
  }

  visit(visitor: Visitor): Visit {
    const { book, clock } = this.#parts;
    const binding = book.bind(
      `${visitor.tokenKey}\n${visitor.place}`,
      { tokenKey: visitor.tokenKey, namespace: visitor.pod.namespace },
      clock.monotonic(),
    );
    const used = new Map<string, Entry>();
    return {
      answer: async (request, wish, signal) => {
        const key = requestKey(request);
        const entry = book.use(binding, key);
        used.set(key, entry);
        return this.#deliver({ visitor, binding, entry, request }, wish, signal);
      },
      readAgain: (request) => {
        const entry = used.get(requestKey(request));
        if (entry) entry.unfit = entry.answer?.kind === "static";
      },
      conclude: (versions) => {
        book.keepOnly(binding, new Set(used.values()));
        const unchanged = binding.versions === versions;
        binding.versions = versions;
        return { unchanged };
      },
    };
  }

  async #deliver(question: Question, wish: Wish, signal: AbortSignal): Promise<Delivered> {
    const { visitor, entry, request } = question;
    const now = this.#parts.clock.monotonic();
    const held = entry.answer && isAlive(entry.answer, now) ? entry.answer : undefined;
    if (held && !entry.unfit && !isDue(held, wish.refreshIntervalMs, now)) return { body: held.body };
    try {
      return { body: (await this.#askOnce(question, held, signal)).body };
    } catch (reason) {
      const error = ProviderError.from(reason);
      if (!held || signal.aborted || (wish.onDenied === "fail" && isDenial(error))) throw error;
      entry.overdue = true;
      this.#parts.observer.heldInstead(visitor, request, error, now - held.readAt);
      return { body: held.body, heldBecause: error };
    }
  }

  /** Only the refresh of a static answer is abandoned: what comes for the first time may be a credential, which would be lost. */
  async #askOnce(question: Question, held: Answer | undefined, signal: AbortSignal): Promise<Answer> {
    const { visitor, entry, request } = question;
    const early = this.#attempts.tooEarly(entry.key, this.#parts.clock.monotonic());
    if (early) throw early;
    if (makes(request)) this.#admitCredential(visitor, request);
    const work = (working: AbortSignal) => this.#ask(question, held, working);
    return this.#asking.run(entry.key, work, { lasting: held?.kind !== "static" }, signal);
  }

  async #ask(question: Question, held: Answer | undefined, signal: AbortSignal): Promise<Answer> {
    const { visitor, binding, entry, request } = question;
    const { book, fresh, clock, random } = this.#parts;
    const priority = priorityOf(binding, held);
    entry.making = makes(request);
    try {
      const { reply, token } = await fresh.ask(visitor, request, { priority, mayWait: held !== undefined }, signal);
      const answer = answerOf(request, reply, token, {
        wall: clock.wall(),
        monotonic: clock.monotonic(),
        draw: random(),
      });
      if (answer.kind !== "static") this.#admitAnswer(question, answer);
      book.hold(entry, answer);
      this.#attempts.succeeded(entry.key);
      return answer;
    } catch (reason) {
      const error = ProviderError.from(reason);
      if (!signal.aborted) {
        this.#attempts.failed(entry.key, error, clock.monotonic(), (failures) =>
          retryDelay(error, failures, held !== undefined, random()),
        );
      }
      throw error;
    } finally {
      entry.making = false;
    }
  }

  #admitCredential(visitor: Visitor, request: VaultRequest): void {
    if (!visitor.podVolume) throw needsPodVolume(request);
    if (!this.#parts.book.hasRoomForCredential()) {
      throw new ProviderError(
        "limit_exceeded",
        `this node holds as many credentials as limits.bytes allows, so ${request.path} makes no more; raise it or spread the pods`,
      );
    }
  }

  /** That a GET makes a credential shows only in its answer; a lease that may not be held is given back. */
  #admitAnswer({ visitor, entry, request }: Question, { kind, lease, token }: Answer): void {
    try {
      if (kind === "leased") this.#admitCredential(visitor, request);
      if (entry.users.size === 0) throw lostItsPlace(request);
    } catch (refusal) {
      if (lease) this.#parts.fresh.giveBack(visitor, lease, token);
      throw refusal;
    }
  }
}

function needsPodVolume(request: VaultRequest): ProviderError {
  return new ProviderError(
    "invalid_request",
    `${request.path} makes a credential that lives as long as a pod's volume, so it needs a pod volume: it cannot be synced by a controller`,
  );
}

function lostItsPlace(request: VaultRequest): ProviderError {
  return new ProviderError(
    "limit_exceeded",
    `${request.path} made a credential for a volume that has lost its place to others meanwhile; raise limits.bindings or spread the pods`,
  );
}

/** For certain: what a GET makes shows in its answer. */
function makes({ method }: VaultRequest): boolean {
  return method !== "GET" && method !== "LIST";
}

function priorityOf(binding: Binding, held: Answer | undefined): Priority {
  if (!held) return binding.versions === undefined ? "first-mount" : "replacement";
  return held.kind === "static" ? "refresh" : "replacement";
}

/** Vault, alive and well, says no: the class may wish to hear it. */
function isDenial(error: ProviderError): boolean {
  return (
    error instanceof VaultError && ["denied", "login_denied", "missing", "deleted", "destroyed"].includes(error.kind)
  );
}
