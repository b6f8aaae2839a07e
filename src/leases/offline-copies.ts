import { createHash } from "node:crypto";
import type { Connection } from "../config/connection.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { FetchResult, Principal } from "../mount/ports.js";
import { requestKey } from "../mount/request-key.js";
import type { AnswerBody } from "../mount/secret-value.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { FairBudget } from "../shared/fair-budget.js";
import { goJson } from "../shared/go-json.js";
import type { JsonObject } from "../shared/json.js";
import { jsonBytes } from "../shared/json-bytes.js";
import { OneByOne } from "../shared/one-by-one.js";
import { Redacted } from "../shared/redacted.js";
import { isTransient } from "../vault/transient.js";
import { VaultError } from "../vault/vault-error.js";
import { heldBytes } from "./cached-secret.js";
import { CopyEnds } from "./copy-ends.js";
import type { CredentialEvent } from "./credential-event.js";
import type { FoundRecord } from "./credential-state.js";
import { type OfflineCopy, bodyInCopy, isKvSecret, readCopy, recordBytes, writeCopy } from "./offline-copy.js";
import type { RecordStore } from "./state-journal.js";

/** Where copies outlive the process. */
export interface CopyStore extends RecordStore {
  /** `undefined` where it is missing or damaged; throws where it may be whole, and cannot be read now. */
  read(id: string): Promise<Redacted<Buffer> | undefined>;
}

export interface FoundCopy {
  body: AnswerBody;
  /** Of memory. */
  bytes: number;
  /** `Clock.monotonic()`. */
  readAt: number;
  /** `Clock.monotonic()`: the same has been there from then to `readAt`. */
  changedAt: number;
}

/** What a volume's files are made of, and what Vault was asked for it. */
export interface DeliveredAnswer extends FetchResult {
  request: VaultRequest;
}

export interface OfflineCopiesParts {
  /** Bytes of the state directory that all copies take at most; shared by Kubernetes namespace. */
  capacity: number;
  clock: Clock;
  emit: (event: CredentialEvent) => void;
}

/** What a refusal ends: the copies of an account, of one of its paths or requests, or of a path for every account. */
type Scope = "account" | "accountPath" | "path" | "request";

/** What names a copy. */
type Named = Pick<OfflineCopy, "id" | "connection" | "vaultNamespace" | "accountKey" | "path">;

/** A copy whose secret is unchanged is written again once its record is older than this part of `maxAge`. */
const rewritesPerAge = 20;

/**
 * Sealed copies of KV secrets on this node, for pods that start while Vault is away: what Vault answered last to a pod of the
 * same account. A refusal, a deletion or the end of `maxAge` deletes a copy. Memory holds an index alone.
 */
export class OfflineCopies {
  readonly #parts: OfflineCopiesParts;
  /** By id, the longest unread first. */
  readonly #copies = new Map<string, OfflineCopy>();
  /** By what may end them (`nameOf`). */
  readonly #named = new Map<string, Set<OfflineCopy>>();
  #budget: FairBudget;
  #store: CopyStore | undefined;
  /** Which copies ended before this is known by their absence alone; `Clock.monotonic()`. */
  #openedAt = Number.NEGATIVE_INFINITY;
  /** Answers that were requested before the end of a copy are not kept, nor are their records. */
  readonly #ends = new CopyEnds();
  /** Ids of records that could not be removed. */
  readonly #doomed = new Set<string>();
  /** All pods of a node may start at once, and each read takes a file descriptor and memory. */
  readonly #lookups = new OneByOne();
  /** What was kept is not looked at again at each republish. */
  readonly #seen = new WeakSet<AnswerBody>();
  /** By id: the last write or removal that has not ended. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(parts: OfflineCopiesParts) {
    this.#parts = parts;
    this.#budget = new FairBudget(parts.capacity);
  }

  /** Keeps copies in the store from now on, and takes up those that are there and may still be used. */
  open(store: CopyStore, records: readonly FoundRecord[], connections: readonly Connection[]): void {
    this.close();
    this.#store = store;
    this.#openedAt = this.#parts.clock.monotonic();
    const copies: OfflineCopy[] = [];
    for (const { name, payload } of records) {
      const read = readCopy(payload, connections);
      if (read?.copy) copies.push(read.copy);
      else if (read) this.#erase(read.id);
      else store.abandon(name);
    }
    for (const copy of copies.sort((a, b) => a.readAt - b.readAt)) {
      const usable = !this.#isOver(copy) && !this.#hasEnded(copy);
      if (usable && this.#makeRoom(copy)) this.#add(copy);
      else this.#erase(copy.id);
    }
  }

  /** Keeps and gives nothing from now on: the directory belongs to another process. */
  close(): void {
    this.#store = undefined;
    this.#copies.clear();
    this.#named.clear();
    this.#doomed.clear();
    this.#budget = new FairBudget(this.#parts.capacity);
  }

  /**
   * A volume was delivered with these answers: those that are KV secrets are copied, as a set of one moment, and the older copies
   * of all end. What Vault answered to a Mount that failed is no copy, for it may be half of a rotation.
   */
  keep(principal: Principal, answers: readonly DeliveredAnswer[]): void {
    const { connection, podVolume } = principal;
    if (!connection.offline || !podVolume || answers.every(({ body }) => this.#seen.has(body))) return;
    for (const { body } of answers) this.#seen.add(body);
    const readAt = Math.min(...answers.map((answer) => answer.readAt ?? Infinity));
    const kept = answers.flatMap((answer) => this.#successor(principal, answer, readAt) ?? []);
    const changedAt = Math.max(...kept.map(({ copy }) => copy.changedAt));
    for (const { copy, known, body } of kept) {
      this.#drop(known);
      const isYoung = known && readAt - known.writtenAt < connection.offline.maxAgeMs / rewritesPerAge;
      // A record tells of the time that it was written: where others of the set have changed since, it is of another moment.
      if (isYoung && known.digest === copy.digest && known.writtenAt >= changedAt) this.#add({ ...known, readAt });
      else {
        const payload = writeCopy(copy, body);
        this.#write({ ...copy, writtenAt: readAt, bytes: recordBytes(payload) }, payload);
      }
    }
  }

  /** What takes the place of the copy that is known; `undefined` where nothing does, and the known one ends or stays. */
  #successor(principal: Principal, answer: DeliveredAnswer, readAt: number) {
    const { request } = answer;
    const { connection, vaultNamespace, accountKey, pod } = principal;
    const { path } = request;
    const id = idOf(principal, request);
    const named = { id, connection, vaultNamespace, accountKey, path, namespace: pod.namespace, readAt };
    const known = this.#copies.get(id);
    if (this.#hasEnded(named) || (known && known.readAt >= readAt)) return undefined;
    if (!this.#store) return void this.#ends.record(id, readAt);
    const body = kvSecretIn(answer);
    if (!body) return void this.#forget(known);
    // What an earlier process has read is copied where its copy is there still; else Vault may have refused it since.
    if (!known && (answer.readAt ?? 0) < this.#openedAt) return undefined;
    const digest = digestOf(body);
    const changedAt = known?.digest === digest ? known.changedAt : readAt;
    return { copy: { ...named, digest, changedAt }, known, body };
  }

  /**
   * From when on what Vault has answered is what the copy has, so that it stood beside all that was read since; `undefined` where
   * the copy is another, or there is none. What is no KV secret is of no moment.
   */
  unchangedSince(principal: Principal, answer: DeliveredAnswer): number | undefined {
    const body = kvSecretIn(answer);
    if (!body) return Number.NEGATIVE_INFINITY;
    const copy = this.#copies.get(idOf(principal, answer.request));
    return copy?.digest === digestOf(body) ? copy.changedAt : undefined;
  }

  /** Vault has refused: the copies that this concerns are deleted, also those of other pods. A passing fault ends none. */
  refused(principal: Principal, request: VaultRequest, error: ProviderError): void {
    const { connection, vaultNamespace, accountKey } = principal;
    const scope = scopeOf(error, request);
    if (!connection.offline || !scope) return;
    const id = idOf(principal, request);
    const named = { id, connection, vaultNamespace, accountKey, path: request.path };
    const name = nameOf(scope, named);
    this.#ends.record(name, this.#parts.clock.monotonic());
    for (const copy of this.#named.get(name) ?? []) this.#forget(copy);
  }

  /**
   * The copy for a pod of the account, if it is not older than the connection allows. One whose record is damaged is deleted;
   * one that cannot be read now is not.
   */
  async find(principal: Principal, request: VaultRequest): Promise<FoundCopy | undefined> {
    const { connection, mayStartOffline } = principal;
    if (!connection.offline || !mayStartOffline) return undefined;
    const id = idOf(principal, request);
    return this.#lookups.run(() => this.#lookUp(id, request));
  }

  async #lookUp(id: string, request: VaultRequest): Promise<FoundCopy | undefined> {
    // Until then the record may be another one than the index says.
    for (let work = this.#underWay.get(id); work; work = this.#underWay.get(id)) await work;
    const copy = this.#copies.get(id);
    if (!copy || !this.#store) return undefined;
    if (this.#isOver(copy)) return void this.#forget(copy);
    let payload: Redacted<Buffer> | undefined;
    try {
      payload = await this.#store.read(id);
    } catch (error) {
      this.#parts.emit({ kind: "copyFailed", error: ProviderError.from(error) });
      return undefined;
    }
    if (this.#copies.get(id) !== copy) return undefined; // Ended meanwhile.
    const body = payload && bodyInCopy(payload, copy);
    if (!body) return void this.#forget(copy);
    const { readAt, changedAt } = copy;
    return { body: new Redacted(body), bytes: heldBytes(jsonBytes(body), request), readAt, changedAt };
  }

  /** Deletes all of them, and keeps no others: everything is revoked. */
  clear(): void {
    this.#ends.recordAll();
    for (const copy of this.#copies.values()) this.#forget(copy);
  }

  /** Copies that could not be deleted, and will be. */
  get undeleted(): number {
    return this.#doomed.size;
  }

  /** Deletes those that are too old, and tries again where a deletion failed. Call it about every minute. */
  sweep(): void {
    for (const id of this.#doomed) this.#erase(id);
    for (const copy of this.#copies.values()) if (this.#isOver(copy)) this.#forget(copy);
  }

  /** Resolves when everything so far is written or removed. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay.values());
  }

  /** Times in the future are of another clock. */
  #isOver({ connection, readAt }: OfflineCopy): boolean {
    const ageMs = this.#parts.clock.monotonic() - readAt;
    return ageMs < 0 || ageMs > (connection.offline?.maxAgeMs ?? 0);
  }

  #hasEnded(copy: Named & Pick<OfflineCopy, "readAt">): boolean {
    return this.#ends.cover(namesOf(copy), copy.readAt);
  }

  #write(copy: OfflineCopy, payload: Redacted<Buffer>): void {
    if (!this.#makeRoom(copy)) {
      this.#parts.emit({ kind: "limitReached", limit: "offline" });
      return this.#erase(copy.id);
    }
    this.#add(copy);
    this.#doomed.delete(copy.id);
    this.#track(copy.id, this.#store?.write(copy.id, payload), () => {
      // It may have been read once more meanwhile, and is of this write all the same.
      const known = this.#copies.get(copy.id);
      if (known?.writtenAt === copy.writtenAt) this.#forget(known);
    });
  }

  /** A namespace at its share gives its own longest unread copies for new ones, but none for what has no room even so. */
  #makeRoom({ namespace, bytes }: OfflineCopy): boolean {
    if (!this.#budget.hasRoomFor(namespace, bytes)) return false;
    while (!this.#budget.admits(namespace, bytes)) {
      const oldest = [...this.#copies.values()].find((copy) => copy.namespace === namespace);
      if (!oldest) return false;
      this.#forget(oldest);
    }
    return true;
  }

  #add(copy: OfflineCopy): void {
    this.#budget.add(copy.namespace, copy.bytes);
    this.#copies.set(copy.id, copy);
    for (const name of namesOf(copy)) this.#named.set(name, (this.#named.get(name) ?? new Set()).add(copy));
  }

  /** From the index alone. */
  #drop(copy: OfflineCopy | undefined): void {
    if (!copy || this.#copies.get(copy.id) !== copy) return;
    this.#copies.delete(copy.id);
    this.#budget.release(copy.namespace, copy.bytes);
    for (const name of namesOf(copy)) {
      const copies = this.#named.get(name);
      if (copies?.delete(copy) && copies.size === 0) this.#named.delete(name);
    }
  }

  #forget(copy: OfflineCopy | undefined): void {
    if (!copy) return;
    this.#drop(copy);
    this.#erase(copy.id);
  }

  #erase(id: string): void {
    this.#doomed.add(id);
    const removal = this.#store?.remove(id).then(() => void this.#doomed.delete(id));
    this.#track(id, removal, () => undefined);
  }

  #track(id: string, work: Promise<void> | undefined, failed: () => void): void {
    if (!work) return;
    const tracked = work
      .catch((error: unknown) => {
        failed();
        this.#parts.emit({ kind: "copyFailed", error: ProviderError.from(error) });
      })
      .finally(() => this.#underWay.get(id) === tracked && this.#underWay.delete(id));
    this.#underWay.set(id, tracked);
  }
}

/**
 * What has ended for good with a refusal: a login's is of the account, and so is a Vault namespace's that is gone; a secret that is
 * missing is so for everyone, but a version or a list of it, which each may ask for, is so for who asked. `undefined` for a fault
 * that passes.
 */
function scopeOf(error: ProviderError, { method, query }: VaultRequest): Scope | undefined {
  if (!(error instanceof VaultError)) return undefined;
  if (error.kind === "login_denied" || (error.kind === "namespace" && error.status === 404)) return "account";
  if (["missing", "deleted", "destroyed"].includes(error.kind))
    return method === "GET" && query === "" ? "path" : "request";
  return isTransient(error) ? undefined : "accountPath";
}

function namesOf(copy: Named): string[] {
  return (["account", "accountPath", "path", "request"] as const).map((scope) => nameOf(scope, copy));
}

function nameOf(scope: Scope, { id, connection, vaultNamespace, accountKey, path }: Named): string {
  if (scope === "request") return id;
  if (scope === "account") return hash(accountKey);
  return hash(JSON.stringify(scope === "path" ? [connection.name, vaultNamespace, path] : [accountKey, path]));
}

/** What may be copied: a static secret of a KV engine. */
function kvSecretIn({ request, body, readAt }: DeliveredAnswer): JsonObject | undefined {
  const answer = body.reveal();
  const isSecret = readAt !== undefined && answer && !Buffer.isBuffer(answer) && isKvSecret(request, answer);
  return isSecret ? answer : undefined;
}

function digestOf(answer: JsonObject): string {
  return hash(goJson(answer["data"] ?? null));
}

function idOf({ accountKey }: Principal, request: VaultRequest): string {
  return hash(`${accountKey}\n${requestKey(request)}`);
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
