import type { OnDenied, VaultRequest } from "../mount/mount-spec.js";
import type { Answered, Fetch, MountTransaction, Principal } from "../mount/ports.js";
import type { ProviderError } from "../shared/errors.js";
import { isAway } from "../vault/transient.js";
import { VaultError } from "../vault/vault-error.js";
import type { DeliveredAnswer, FoundCopy, OfflineCopies } from "./offline-copies.js";
import type { SecretCache } from "./secret-cache.js";

export interface AgedCopy extends FoundCopy {
  ageMs: number;
}

export interface OfflineTransactionParts {
  principal: Principal;
  /** What answers as long as Vault is there. */
  transaction: MountTransaction;
  copies: OfflineCopies;
  cache: SecretCache;
  /** The copy that may be served for a request that failed with this. */
  copyFor: (request: VaultRequest, error: ProviderError) => Promise<AgedCopy | undefined>;
}

/**
 * A Mount whose requests are answered from copies where Vault is away. Static secrets of one volume are of one moment: where one
 * is a copy and another has changed since, all are copies, or none is. What was delivered without any is copied.
 */
export class OfflineTransaction implements MountTransaction {
  readonly #parts: OfflineTransactionParts;
  /** What the files are made of, by request: what Vault has answered, and copies. */
  readonly #answered = new Map<VaultRequest, DeliveredAnswer>();
  readonly #used = new Map<VaultRequest, AgedCopy>();
  /** Some file is made of what was delivered before. */
  #isOfBefore = false;

  constructor(parts: OfflineTransactionParts) {
    this.#parts = parts;
  }

  async read(
    fetches: readonly Fetch[],
    onDenied: OnDenied,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<Fetch, Answered>> {
    const answers = await this.#parts.transaction.read(fetches, onDenied, signal);
    for (const { request } of fetches) {
      this.#answered.delete(request);
      this.#used.delete(request);
    }
    const result = new Map(answers);
    let away: ProviderError | undefined;
    // One after another: once there is no room for one, nothing is looked up any more.
    for (const [fetch, answer] of answers) {
      if ("body" in answer) this.#answered.set(fetch.request, { ...answer, request: fetch.request });
      else if (await this.#take(fetch, answer.error, result, signal)) away ??= answer.error;
    }
    if (!away || this.#isOfOneMoment()) return result;
    for (const [fetch, answer] of answers) {
      if ("body" in answer && answer.readAt !== undefined) await this.#take(fetch, away, result, signal);
    }
    return this.#isOfOneMoment() ? result : new Map([...answers].map(toldWhy));
  }

  previous(request: VaultRequest) {
    const body = this.#parts.transaction.previous(request);
    if (body) this.#isOfBefore = true;
    return body;
  }

  invalidate(request: VaultRequest): void {
    this.#parts.transaction.invalidate(request);
  }

  made(bytes: number): void {
    this.#parts.transaction.made(bytes);
  }

  lend(bytes: number): () => void {
    return this.#parts.transaction.lend(bytes);
  }

  /** Copies are of one moment as they are, and Vault is not there to be asked again. */
  async settle(contentsDigest: string, signal: AbortSignal): Promise<boolean> {
    return this.#used.size === 0 && this.#parts.transaction.settle(contentsDigest, signal);
  }

  commit(contentsDigest: string): { unchanged: boolean } {
    const { principal, transaction, copies, cache } = this.#parts;
    const committed = transaction.commit(contentsDigest);
    const answers = [...this.#answered.values()];
    cache.markCopied(principal, this.#used.size > 0 ? this.#oldest() : undefined);
    const isFresh = this.#used.size === 0 && !this.#isOfBefore && !answers.some(isStale);
    if (isFresh) copies.keep(principal, answers);
    return committed;
  }

  end(): void {
    this.#parts.transaction.end();
  }

  /** Puts the copy of the request in the place of its answer. Returns whether there is one. */
  async #take(fetch: Fetch, error: ProviderError, result: Map<Fetch, Answered>, signal: AbortSignal): Promise<boolean> {
    const { request } = fetch;
    const copy = signal.aborted ? undefined : await this.#parts.copyFor(request, error);
    if (!copy) return false;
    this.made(copy.bytes);
    this.#answered.delete(request);
    this.#used.set(request, copy);
    result.set(fetch, { body: copy.body, staleReason: error, copyAgeMs: copy.ageMs });
    return true;
  }

  /** Whether everything stood at Vault when the oldest of the copies was read: none is of before a rotation of another. */
  #isOfOneMoment(): boolean {
    const { principal, copies } = this.#parts;
    const answers = [...this.#answered.values()].map((answer) => copies.unchangedSince(principal, answer) ?? Infinity);
    const used = [...this.#used.values()].map(({ changedAt }) => changedAt);
    return Math.max(...answers, ...used) <= this.#oldest();
  }

  #oldest(): number {
    return Math.min(...[...this.#used.values()].map(({ readAt }) => readAt));
  }
}

function isStale({ readAt, staleReason }: DeliveredAnswer): boolean {
  return readAt !== undefined && staleReason !== undefined;
}

const ofAnotherMoment = "; the volume's offline copies are of different moments, so none is used";

function toldWhy([fetch, answer]: [Fetch, Answered]): [Fetch, Answered] {
  if ("body" in answer || !(answer.error instanceof VaultError) || !isAway(answer.error)) return [fetch, answer];
  return [fetch, { error: answer.error.withHint(ofAnotherMoment) }];
}
