import type { OnDenied, VaultRequest } from "../mount/mount-spec.js";
import type { Answered, Fetch, MountTransaction, Principal } from "../mount/ports.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { joinSignals } from "../shared/join-signals.js";
import { LeanAbortController } from "../shared/lean-abort-controller.js";
import type { Journal } from "../vault/journal.js";
import { VaultError, type VaultErrorKind } from "../vault/vault-error.js";
import { type CachedSecret, isDue, isSame } from "./cached-secret.js";
import type { CredentialEvent } from "./credential-event.js";
import { type Reservation, ShareFull } from "./reservation.js";
import { type CacheEntry, type VolumeRecord, heldBy, standbyFor } from "./cache-entry.js";
import type { SecretCache } from "./secret-cache.js";

/** A request of one volume, and the entry that its answer goes to. */
export interface Question {
  principal: Principal;
  volume: VolumeRecord;
  entry: CacheEntry;
  request: VaultRequest;
  lifetimeMs: number | undefined;
}

export interface VolumeTransactionParts {
  principal: Principal;
  volume: VolumeRecord;
  /** The refresh that the pod requests; where the volume was not delivered for it yet, static answers are read again. */
  refresh: string | undefined;
  /** Another process of this node, which still holds the state, may have delivered the volume. */
  mayBeKnownElsewhere: boolean;
  reservation: Reservation;
  /** Bytes of the answers that one Mount may be made of. */
  mountBytes: number;
  leadMs: number;
  cache: SecretCache;
  journal: Journal;
  clock: Clock;
  emit: (event: CredentialEvent) => void;
  /** Asks Vault, with one request for all concurrent readers. With `mayWait`, what is held may do while a login or a retry is put off. */
  ask: (question: Question, mayWait: boolean, signal: AbortSignal) => Promise<CachedSecret>;
  /** Begins so many requests when they may soon be sent: what is not asked yet takes no memory. */
  inTurn: (requests: number, begin: () => Promise<unknown>, signal: AbortSignal) => Promise<unknown>;
  /** The last failure of the entry's request, while it is too early to try again. */
  tooEarly: (entry: CacheEntry) => ProviderError | undefined;
}

/** A request of this Mount, and what came of it. */
interface Item extends Question {
  readonly options: Fetch["options"];
  readonly onDenied: OnDenied;
  /** Nothing is held for it, or only what should be read again. */
  readonly due: boolean;
  outcome?: Outcome;
  /** Nothing more is asked for it in this Mount, unless others change. */
  asked?: boolean;
}

type Outcome = { answer: CachedSecret; staleReason?: ProviderError } | { error: ProviderError };

/** Secrets that are written together are written within so many milliseconds. */
const togetherMs = 200;
/** Of reads that look for what was written meanwhile. */
const mostRounds = 2;

/**
 * One Mount's use of the secret cache. The volume is the unit of refresh: when one of its static answers is due, or new to it,
 * all of them are read in this Mount, and delivered together; when one of them cannot be read, all stay as last delivered.
 */
export class VolumeTransaction implements MountTransaction {
  readonly #parts: VolumeTransactionParts;
  readonly #items = new Map<Fetch, Item>();
  readonly #given = new Map<CacheEntry, CachedSecret>();
  /** Aborts with the reason why this Mount has no room: nothing more is asked for it. */
  readonly #refused = new LeanAbortController();
  #bytes = 0;
  /** All static answers are read. */
  #whole: boolean;
  #heldBack = false;

  constructor(parts: VolumeTransactionParts) {
    this.#parts = parts;
    const { refresh, volume } = parts;
    this.#whole = refresh !== undefined && refresh !== volume.refresh;
  }

  async read(
    fetches: readonly Fetch[],
    onDenied: OnDenied,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<Fetch, Answered>> {
    for (const fetch of fetches) if (!this.#items.has(fetch)) this.#items.set(fetch, this.#take(fetch, onDenied));
    const items = [...this.#items.values()];
    if (this.#isCrowdedOut(items)) this.#parts.emit({ kind: "limitReached", limit: "bytes" });
    this.#whole ||= isPartial(items);
    for (const item of items) this.#takeHeld(item);
    if (items.some((item) => this.#isOpen(item))) {
      const joined = joinSignals(signal, this.#refused.signal);
      await this.#complete(items, joined.signal).finally(joined.release);
    }
    return new Map(fetches.map((fetch) => [fetch, this.#answered(this.#items.get(fetch)!)] as const));
  }

  previous(request: VaultRequest) {
    this.invalidate(request);
    const { cache, volume } = this.#parts;
    const entry = cache.find(volume.ownerKey, request);
    const previous = entry && volume.delivered.get(entry);
    const given = entry && this.#given.get(entry);
    if (!previous || previous === given || (given && isSame(previous, given))) return undefined;
    try {
      this.#give(entry, previous);
    } catch {
      return undefined; // No room: the caller reports the original fault.
    }
    return previous.body;
  }

  invalidate(request: VaultRequest): void {
    const { cache, volume } = this.#parts;
    const entry = cache.find(volume.ownerKey, request);
    if (entry?.answer?.kind === "static") entry.invalid = true;
  }

  made(bytes: number): void {
    this.#parts.reservation.take(bytes);
  }

  lend(bytes: number): () => void {
    return this.#parts.reservation.lend(bytes);
  }

  async settle(contentsDigest: string, signal: AbortSignal): Promise<boolean> {
    const { volume, mayBeKnownElsewhere } = this.#parts;
    const isFirst = volume.contentsDigest === undefined && !mayBeKnownElsewhere;
    if (isFirst || volume.contentsDigest === contentsDigest) return false;
    const statics = [...this.#items.values()].filter(isStatic);
    if (statics.length < 2 || statics.some(deliveredOf)) return false;
    await this.#readAgain(statics, signal);
    return true;
  }

  commit(contentsDigest: string): { unchanged: boolean } {
    const { cache, volume, clock, refresh, journal } = this.#parts;
    const { changed } = cache.deliver(volume, this.#given, clock.monotonic());
    const unchanged = volume.contentsDigest === contentsDigest;
    volume.contentsDigest = contentsDigest;
    const refreshed = refresh !== undefined && refresh !== volume.refresh && !this.#heldBack;
    if (refreshed) volume.refresh = refresh;
    // The second Mount gives the silence of later ones a meaning, also after a restart.
    const republished = volume.deliveries === 2;
    // A sync controller's Mount is a sign of life that its next absence is measured from, also after a restart.
    if (changed || !unchanged || refreshed || republished || !volume.pod) void journal.persist(volume.ownerKey);
    return { unchanged };
  }

  end(): void {
    const { reservation, cache } = this.#parts;
    reservation.release();
    for (const item of this.#items.values()) {
      cache.removeReader(item.entry);
      delete item.outcome; // A request that goes on without this Mount still refers to the item.
    }
  }

  #take({ request, options }: Fetch, onDenied: OnDenied): Item {
    const { principal, volume, cache, clock, leadMs } = this.#parts;
    const entry = cache.use(volume, request);
    cache.addReader(entry);
    const now = clock.monotonic();
    const held = heldBy(entry, now);
    const due = !held || entry.invalid || isDue(held, options, now, leadMs, volume.refreshFactor);
    if (held?.kind === "static") this.#whole ||= due;
    return { principal, volume, entry, request, lifetimeMs: options.lifetimeMs, options, onDenied, due };
  }

  /** There is no room for the volume's use of what others hold. */
  #isCrowdedOut(items: readonly Item[]): boolean {
    const { cache, volume } = this.#parts;
    return cache.has(volume) && items.some(({ entry }) => !volume.entries.has(entry));
  }

  /** What is held and need not be read is the answer at once. */
  #takeHeld(item: Item): void {
    const { answer } = item.entry;
    if (item.outcome || item.due || !answer || (this.#whole && answer.kind === "static")) return;
    this.#receive(item, answer);
  }

  /** Reads what is open; then all that is static, where a part of it has turned out new to the volume. */
  async #complete(items: readonly Item[], signal: AbortSignal): Promise<void> {
    await this.#askOpen(items, signal);
    this.#whole ||= isPartial(items);
    await this.#askOpen(items, signal);
    if (items.some((item) => isRead(item) && isChanged(item))) await this.#readAgain(items, signal);
    if (!items.some(isHeldBack)) return;
    this.#heldBack = true;
    for (const item of items) {
      const delivered = deliveredOf(item);
      if (isNew(item) && delivered) this.#receive(item, delivered);
    }
  }

  #isOpen(item: Item): boolean {
    return !item.asked && (!item.outcome || (this.#whole && isStatic(item)));
  }

  /** While a failure that holds back the set is remembered, Vault is not asked for what would not be delivered. */
  async #askOpen(items: readonly Item[], signal: AbortSignal): Promise<void> {
    const open = items.filter((item) => this.#isOpen(item));
    // What nothing stands in for is asked for in any case: the others, had they waited, would stay behind it.
    const mayWait = !open.some((item) => this.#cannotWait(item));
    const isWaiting = mayWait && this.#whole && open.some((item) => this.#waits(item));
    for (const item of open) item.asked = true;
    // Not the answers: the cache counts no memory for what it has dropped.
    const before = new Map(open.map((item) => [item, item.entry.answer?.readAt]));
    const ask = async (item: Item) => {
      const { tooEarly, clock } = this.#parts;
      const waits = isWaiting && isStatic(item) && !tooEarly(item.entry);
      const given = givenMeanwhile(item, before.get(item), clock.monotonic());
      const kept = given ?? (waits ? standInOf(item, clock.monotonic()) : undefined);
      if (kept) this.#receive(item, kept);
      else await this.#ask(item, mayWait, signal);
    };
    if (open.length > 0) await this.#parts.inTurn(open.length, () => Promise.all(open.map(ask)), signal);
  }

  #cannotWait(item: Item): boolean {
    const { tooEarly, clock } = this.#parts;
    return !standInOf(item, clock.monotonic()) && !tooEarly(item.entry);
  }

  #waits(item: Item): boolean {
    const error = isStatic(item) ? this.#parts.tooEarly(item.entry) : undefined;
    return error !== undefined && holdsBack(error);
  }

  /**
   * The reads of one Mount may fall between the writes of secrets that are written together. So when some have changed, all
   * are read once more when those writes must be over: what is new to the volume may be of the change before.
   */
  async #readAgain(items: readonly Item[], signal: AbortSignal): Promise<void> {
    const read = items.filter(isRead);
    if (read.length < 2) return;
    for (let round = 0; round < mostRounds && !this.#refused.signal.aborted && !items.some(isHeldBack); round += 1) {
      const before = read.map(answerIn);
      await this.#parts.clock.sleep(togetherMs, signal);
      await Promise.all(read.map((item) => this.#ask(item, true, signal)));
      if (read.map(answerIn).every((answer, n) => answer && before[n] && isSame(answer, before[n]))) return;
    }
  }

  async #ask(item: Item, mayWait: boolean, signal: AbortSignal): Promise<void> {
    try {
      this.#receive(item, await this.#parts.ask(item, mayWait, signal));
    } catch (reason) {
      this.#fail(item, ProviderError.from(reason), signal);
    }
  }

  #fail(item: Item, error: ProviderError, signal: AbortSignal): void {
    const { clock, emit } = this.#parts;
    const { principal, entry, request } = item;
    const standIn = standInOf(item, clock.monotonic());
    if (!standIn || signal.aborted || failsMount(error, item)) {
      this.#end(item, error);
      return;
    }
    entry.refreshFailed = true;
    emit({ kind: "staleServed", principal, request, error, ageMs: clock.monotonic() - standIn.readAt });
    this.#receive(item, standIn, error);
  }

  #receive(item: Item, answer: CachedSecret, staleReason?: ProviderError): void {
    const { mountBytes, emit } = this.#parts;
    try {
      this.#give(item.entry, answer);
      item.outcome = { answer, ...(staleReason && { staleReason }) };
    } catch (reason) {
      this.#end(item, ProviderError.from(reason));
    }
    if (this.#bytes <= mountBytes || this.#refused.signal.aborted) return;
    emit({ kind: "limitReached", limit: "mount" });
    this.#refused.abort(tooMuchForOneMount(mountBytes));
  }

  /** Where there is no room for one answer, those that others of this Mount wait for would be read in vain. */
  #end(item: Item, error: ProviderError): void {
    item.outcome = { error };
    if (error instanceof ShareFull) this.#refused.abort(error);
  }

  /** One of the same content takes the place of its predecessor. Throws `ShareFull` without room for both of others. */
  #give(entry: CacheEntry, answer: CachedSecret): void {
    const known = this.#given.get(entry);
    if (known !== answer && !(known && isSame(known, answer))) {
      this.#parts.reservation.take(answer.bytes);
      this.#bytes += answer.bytes - (known?.bytes ?? 0);
    }
    this.#given.set(entry, answer);
  }

  #answered({ outcome }: Item): Answered {
    if (this.#refused.signal.aborted) return { error: ProviderError.from(this.#refused.signal.reason) };
    if (!outcome || "error" in outcome) return outcome!;
    const { answer, staleReason } = outcome;
    const { body, kind, readAt } = answer;
    return { body, ...(kind === "static" && { readAt }), ...(staleReason && { staleReason }) };
  }
}

function deliveredOf({ volume, entry }: Item): CachedSecret | undefined {
  return volume.delivered.get(entry);
}

/** Of a static answer, what the volume has: another volume may have brought a newer one into the entry. */
function standInOf({ volume, entry }: Question, now: number): CachedSecret | undefined {
  const held = standbyFor(volume, entry, now);
  const delivered = volume.delivered.get(entry);
  return held?.kind === "static" ? (delivered ?? held) : (held ?? delivered);
}

/** What another volume of the entry has read since `before` (`CachedSecret.readAt`), as good as if both had asked together. */
function givenMeanwhile({ entry }: Item, before: number | undefined, now: number): CachedSecret | undefined {
  const held = heldBy(entry, now);
  return held && held.readAt !== before && !entry.invalid ? held : undefined;
}

function isStatic(item: Item): boolean {
  const { outcome, entry } = item;
  if (outcome && "answer" in outcome) return outcome.answer.kind === "static";
  return (entry.answer ?? deliveredOf(item))?.kind === "static";
}

/** It is static, and was read in this Mount. */
function isRead({ outcome, asked }: Item): boolean {
  return asked === true && outcome !== undefined && freshOf(outcome)?.kind === "static";
}

function answerIn({ outcome }: Item): CachedSecret | undefined {
  return outcome && freshOf(outcome);
}

/** Its answer, unless that stands in for another. */
function freshOf(outcome: Outcome): CachedSecret | undefined {
  return "answer" in outcome && !outcome.staleReason ? outcome.answer : undefined;
}

/** It is static, and its content is not what the volume has. */
function isNew(item: Item): boolean {
  const { outcome, entry } = item;
  const answer = outcome ? freshOf(outcome) : entry.answer;
  if (answer?.kind !== "static") return false;
  const delivered = deliveredOf(item);
  return !delivered || !isSame(delivered, answer);
}

function isChanged(item: Item): boolean {
  return isNew(item) && deliveredOf(item) !== undefined;
}

/** One static answer is new to the volume, and not all were read in this Mount: they may be of different moments. */
function isPartial(items: readonly Item[]): boolean {
  return items.some(isNew) && items.some((item) => !item.asked && isStatic(item)) && items.filter(isStatic).length > 1;
}

function isHeldBack({ outcome }: Item): boolean {
  if (!outcome || "error" in outcome || outcome.answer.kind !== "static") return false;
  return outcome.staleReason !== undefined && holdsBack(outcome.staleReason);
}

/** What Vault says of one path, in good health: it concerns no other. Every other failure may pass, and others may share it. */
const ofOnePath: readonly VaultErrorKind[] = ["denied", "login_denied", "missing", "deleted", "destroyed", "refused"];

function holdsBack(error: ProviderError): boolean {
  return !(error instanceof VaultError && ofOnePath.includes(error.kind));
}

/** Whether the error fails the Mount although a stale answer exists: a denial by a healthy Vault, where the class asks for that. */
function failsMount(error: ProviderError, { onDenied, options: { optional } }: Item): boolean {
  if (!(error instanceof VaultError)) return false;
  if (["missing", "deleted", "destroyed"].includes(error.kind)) return onDenied === "fail" || optional === true;
  return onDenied === "fail" && ["denied", "login_denied"].includes(error.kind);
}

function tooMuchForOneMount(limit: number): ProviderError {
  return new ProviderError(
    "limit_exceeded",
    `the secrets of this volume are larger than ${limit} bytes together, twice what fits one answer to the driver; put them into several classes and volumes`,
  );
}
