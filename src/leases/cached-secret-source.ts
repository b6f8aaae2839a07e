import type { SecretSource, MountTransaction, Principal } from "../mount/ports.js";
import { makesCredential } from "../mount/credential-path.js";
import { RetryGate } from "../shared/retry-gate.js";
import { AdmissionWindow } from "../shared/admission-window.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import type { FairBudget } from "../shared/fair-budget.js";
import type { Random } from "../shared/random.js";
import { SingleFlight } from "../shared/single-flight.js";
import { TenantLimiter } from "../shared/tenant-limiter.js";
import type { StoredToken } from "../vault/stored-token.js";
import { isTransient } from "../vault/transient.js";
import type { Journal } from "../vault/journal.js";
import type { LeaseRules } from "../vault/lease-rules.js";
import { isShort } from "../vault/term.js";
import type { AnswerIntake, Priority, VaultAnswer } from "../vault/vault-client.js";
import { VaultError } from "../vault/vault-error.js";
import { type AnswerKind, type CachedSecret, answerOf, isCredential } from "./cached-secret.js";
import type { CredentialEvent } from "./credential-event.js";
import { type CacheEntry, type VolumeRecord, standbyFor } from "./cache-entry.js";
import { CredentialAdmission } from "./credential-admission.js";
import type { SecretCache } from "./secret-cache.js";
import { Reservation } from "./reservation.js";
import { retryDelay } from "./retry-delay.js";
import type { VaultReader } from "./vault-reader.js";
import { type Question, VolumeTransaction } from "./volume-transaction.js";

export interface CachedSecretSourceParts {
  cache: SecretCache;
  /** Bytes of answers in flight to Mounts, and of the files made of them. */
  inFlight: FairBudget;
  /** Bytes of the answers that one Mount may be made of. */
  mountBytes: number;
  scheduler: EventLoopScheduler;
  reader: VaultReader;
  clock: Clock;
  random: Random;
  emit: (event: CredentialEvent) => void;
  rules: LeaseRules;
  journal: Journal;
  /** Why no credential may be created on this node now; `undefined` when it may. */
  credentialsRefused: () => ProviderError | undefined;
  /** The refresh that the pod requests: static answers are read again when its value changes. */
  refreshRequested: (podUid: string) => string | undefined;
}

/** Bytes of the failures remembered at once, one for each request of an owner key. */
const rememberedBytes = 2 << 20;
/**
 * What a namespace asks for: several times what a connection lets run at once, for each request under way takes ten kilobytes of
 * memory; and answers of so many bytes a second, for receiving and reading 8 MiB takes a fifth of a second of the event loop, the
 * collection of what they leave included.
 */
const requests = { most: 64, perSecond: 8 << 20, burst: 4 << 20, first: 256 << 10 };
/**
 * So long a volume lets those before it go first, where they ask for `leastAhead`, or what a connection lets run at once: a
 * request that is made long before it is sent outlives the young generation, and its collection then costs more than it.
 */
const turnMs = 250;
/**
 * So many requests are made ahead in any case: where pods log in one after another, a Vault that comes back to thousands of
 * nodes is loaded more (docs/sizing.md, made with 4: 100 % instead of 96 %).
 */
const leastAhead = 16;
/** The answer to a first request for a credential: a private key with its certificates, and room to spare. */
const firstCredentialBytes = 16 << 10;

/** Answers from the cache first; requests from Vault what is new or due, with one request for all concurrent readers. */
export class CachedSecretSource implements SecretSource {
  readonly #parts: CachedSecretSourceParts;
  readonly #asking = new SingleFlight<CachedSecret>();
  readonly #admission: CredentialAdmission;
  /** By namespace. */
  readonly #limiter: TenantLimiter;
  /** By namespace and connection. */
  readonly #turns: AdmissionWindow;
  /** The keys of those requests that wait for no slot any more. */
  readonly #sent = new Set<string>();
  readonly #attempts = new RetryGate<ProviderError>(rememberedBytes);
  readonly #refused = (): void => this.#parts.emit({ kind: "limitReached", limit: "inFlightBytes" });

  constructor(parts: CachedSecretSourceParts) {
    this.#parts = parts;
    this.#admission = new CredentialAdmission(parts);
    this.#limiter = new TenantLimiter(requests, parts.clock);
    this.#turns = new AdmissionWindow(turnMs, parts.clock);
  }

  begin(principal: Principal): MountTransaction {
    const { cache, mountBytes, clock, random, emit, rules, reader, journal } = this.#parts;
    const { refreshRequested, credentialsRefused } = this.#parts;
    const { ownerKey, volumeKey, podVolume, pod, connection } = principal;
    const { namespace, name, uid } = pod;
    const admission = {
      line: `${namespace}/${connection.name}`,
      most: Math.max(leastAhead, connection.limits.inFlight),
    };
    const of = { ownerKey, namespace, volumeKey, ...(podVolume && { pod: { namespace, name, uid } }) };
    const volume = cache.volume(of, clock.monotonic());
    reader.offer(principal);
    volume.refreshFactor ??= 1 - 0.1 * random();
    return new VolumeTransaction({
      principal,
      volume,
      refresh: podVolume ? refreshRequested(uid) : undefined,
      mayBeKnownElsewhere: credentialsRefused() !== undefined,
      reservation: this.#reservation(namespace),
      mountBytes,
      leadMs: rules.leadMs,
      cache,
      journal,
      clock,
      emit,
      inTurn: (size, begin, signal) => this.#turns.run({ ...admission, size }, begin, signal),
      ask: (question, mayWait, signal) => this.#askOnce(question, mayWait, signal),
      tooEarly: ({ key }) => this.#attempts.tooEarly(key, clock.monotonic()),
    });
  }

  /** Resolves when no request is under way any more; what they created is written by then. */
  async settled(): Promise<void> {
    await this.#asking.settled();
  }

  /** A function of its own, so that a caller that waits afterwards keeps no reference to the answer, not even in a register. */
  #heldKind({ volume, entry }: Question): AnswerKind | undefined {
    return standbyFor(volume, entry, this.#parts.clock.monotonic())?.kind;
  }

  /** Once sent, only the refresh of a static answer is abandoned: a first answer may be a credential, which would be lost. */
  async #askOnce(question: Question, mayWait: boolean, signal: AbortSignal): Promise<CachedSecret> {
    const { entry } = question;
    const heldKind = this.#heldKind(question);
    const waits = mayWait || heldKind === undefined;
    const early = waits ? this.#attempts.tooEarly(entry.key, this.#parts.clock.monotonic()) : undefined;
    if (early) throw early;
    this.#admission.admitRequest(question);
    const work = (working: AbortSignal) => {
      const send = (took: (bytes: number) => void) => {
        this.#admission.admitRequest(question); // It may have waited.
        return this.#ask(question, { heldKind, mayWait, took }, working);
      };
      return this.#limiter.run(entry.namespace, heldKind === undefined, send, working);
    };
    const lasting = () => heldKind !== "static" && this.#sent.has(entry.key);
    return this.#asking.run(entry.key, work, { lasting }, signal);
  }

  /** A request that certainly creates a credential is recorded before it is sent; one that turns out to, before its delivery. */
  async #ask(
    question: Question,
    { heldKind, mayWait, took }: { heldKind: AnswerKind | undefined; mayWait: boolean; took: (bytes: number) => void },
    signal: AbortSignal,
  ): Promise<CachedSecret> {
    const { principal, volume, entry, request } = question;
    const { cache, reader, journal } = this.#parts;
    const received = this.#reservation(entry.namespace);
    this.#sent.add(entry.key);
    cache.addReader(entry);
    entry.creating = this.#admission.creates(principal, request) || wasCredential(volume, entry);
    try {
      if (entry.creating || makesCredential(request)) this.#reserveCredential(question, received);
      if (entry.creating) await journal.persist(entry.ownerKey);
      const asked = {
        priority: priorityOf(volume, heldKind),
        mayWait: mayWait && heldKind !== undefined,
        allowedBefore: entry.answer !== undefined && !entry.denied,
        intake: this.#intake(entry.namespace, received, took),
      };
      const { reply, stored } = await reader.ask(principal, request, asked, signal);
      const first = entry.answer === undefined;
      const answer = this.#taken(question, reply, stored, received);
      if (isCredential(answer)) await this.#recordNew(question, answer, first);
      return answer;
    } catch (reason) {
      const error = ProviderError.from(reason);
      if (error instanceof VaultError && error.kind === "denied") entry.denied = true;
      if (entry.creating && !isTransient(error)) this.#madeNothing(entry);
      if (!signal.aborted) this.#failed(entry, error, heldKind !== undefined);
      throw error;
    } finally {
      this.#sent.delete(entry.key);
      entry.creating = false;
      cache.removeReader(entry);
      received.release();
    }
  }

  /** Vault has refused: its record must not tell of a credential that may have been made, and lost. */
  #madeNothing(entry: CacheEntry): void {
    entry.creating = false;
    void this.#parts.journal.persist(entry.ownerKey);
  }

  /** What Vault makes while the share of bytes in flight is used up could not be received, and would be lost. */
  #reserveCredential({ volume, entry }: Question, received: Reservation): void {
    const previous = entry.answer ?? volume.delivered.get(entry);
    received.raiseTo(receivingBytes(Math.max(previous?.bytes ?? 0, firstCredentialBytes)));
  }

  #intake(namespace: string, received: Reservation, took: (bytes: number) => void): AnswerIntake {
    return {
      admit: (bytes) => {
        received.raiseTo(receivingBytes(bytes));
        took(bytes);
      },
      turn: () => this.#parts.scheduler.turn(namespace, { first: true }),
    };
  }

  /** The answer, held in its entry. Throws where there is no room for it. */
  #taken(question: Question, reply: VaultAnswer, stored: StoredToken, received: Reservation): CachedSecret {
    const { entry, request, lifetimeMs } = question;
    const { cache, clock, random, rules } = this.#parts;
    const [wall, monotonic] = [clock.wall(), clock.monotonic()];
    const answer = answerOf(request, reply, stored, { wall, monotonic, draw: random(), rules, lifetimeMs });
    this.#admission.admitAnswer(question, answer, received);
    cache.hold(entry, answer);
    this.#attempts.succeeded(entry.key);
    entry.creating = false;
    return answer;
  }

  #failed(entry: CacheEntry, error: ProviderError, isHeld: boolean): void {
    const { clock, random } = this.#parts;
    const delayMs = (failures: number) => retryDelay(error, failures, isHeld, random());
    this.#attempts.failed(entry.key, error, clock.monotonic(), delayMs);
  }

  async #recordNew({ principal, entry, request }: Question, answer: CachedSecret, first: boolean): Promise<void> {
    const { emit, rules, journal } = this.#parts;
    emit({ kind: "credentialMade", principal, request, answer, first });
    if (first && answer.term && isShort(answer.term, rules.leadMs))
      emit({ kind: "livesTooShort", principal, request, answer });
    await journal.persist(entry.ownerKey);
  }

  #reservation(namespace: string): Reservation {
    return new Reservation(this.#parts.inFlight, namespace, this.#refused);
  }
}

/** An answer is in memory in pieces, and then joined. */
function receivingBytes(bytes: number): number {
  return 2 * bytes;
}

function wasCredential({ delivered }: VolumeRecord, entry: CacheEntry): boolean {
  const previous = delivered.get(entry);
  return previous !== undefined && isCredential(previous);
}

function priorityOf(volume: VolumeRecord, heldKind: AnswerKind | undefined): Priority {
  if (!heldKind) return volume.contentsDigest === undefined ? "first-mount" : "replacement";
  return heldKind === "static" ? "refresh" : "replacement";
}
