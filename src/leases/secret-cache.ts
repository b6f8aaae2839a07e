import type { VaultRequest } from "../mount/mount-spec.js";
import { requestKey } from "../mount/request-key.js";
import { ProviderError } from "../shared/errors.js";
import { FairBudget } from "../shared/fair-budget.js";
import { type CacheEntry, type VolumeRecord, type VolumeRecordOf, holdsCredential, newEntry } from "./cache-entry.js";
import { type AnswerKind, type CachedSecret, isCredential } from "./cached-secret.js";
import { CacheMemory } from "./cache-memory.js";
import { EntryIndex } from "./entry-index.js";
import { EvictionOrder } from "./eviction-order.js";

export interface CacheLimits {
  volumes: number;
  /** Of memory that answers take. */
  bytes: number;
}

export interface CacheTotals {
  volumes: number;
  bytes: number;
  answers: Record<AnswerKind, number>;
}

/** Where pods are not watched, a volume that used to mount again and has not for so long counts as gone. */
const silenceMs = 24 * 60 * 60_000;
/** Files made for another role are written by then. */
const supersededMs = 5 * 60_000;

/**
 * Which volume holds which answers. Pure memory: it never calls Vault, and times are parameters.
 *
 * Shares are by Kubernetes namespace. A credential that is alive is never pushed out, nor is the volume that holds or
 * awaits it; so of both a namespace gets no more than it leaves free for others (`FairBudget`): half the limit alone, a
 * third each of two. Static answers, and volumes with nothing else, may fill what is left; for room the namespace that
 * has most gives its least recently used, and none gives to one that would have more afterwards.
 */
export class SecretCache {
  readonly #limits: CacheLimits;
  readonly #podLives: (uid: string) => boolean;
  /** The silence after which what a sync controller asked for is over; absent where that may hold no credential. */
  readonly #syncSilenceMs: number | undefined;
  readonly #volumes = new Map<string, VolumeRecord>();
  readonly #entries = new EntryIndex();
  readonly #memory: CacheMemory;
  /** Those that hold a static answer. */
  readonly #evictable = new EvictionOrder();
  readonly #volumesOf = new Map<string, Set<VolumeRecord>>();
  /** Those of pods' own volumes, by volume key: more than one while a class changes its role. */
  readonly #volumesAt = new Map<string, Set<VolumeRecord>>();

  /**
   * `lives` tells which pods are known to live. `syncSilenceMs`: where a sync controller may be given credentials, what it has
   * not asked for as long as that is over.
   */
  constructor(limits: CacheLimits, lives: (podUid: string) => boolean, syncSilenceMs?: number) {
    this.#limits = limits;
    this.#memory = new CacheMemory(limits.bytes);
    this.#podLives = lives;
    this.#syncSilenceMs = syncSilenceMs;
  }

  /** The volume of this key, created if it is new. Throws `limit_exceeded` when no volume can be evicted. */
  volume(of: VolumeRecordOf, now: number): VolumeRecord {
    const key = `${of.ownerKey}\n${of.volumeKey}`;
    const known = this.#volumes.get(key);
    if (!known && this.#volumes.size >= this.#limits.volumes) this.#makeRoomForVolume(of.namespace, now);
    const volume = known ?? {
      key,
      ...of,
      entries: new Set<CacheEntry>(),
      delivered: new Map(),
      seenAt: now,
      deliveries: 0,
    };
    volume.seenAt = now;
    this.#volumes.delete(key);
    this.#volumes.set(key, volume);
    if (!known) this.#file(volume);
    return volume;
  }

  /**
   * The entry of a volume's request, created if it is new; from now on the volume uses it. Where the volume has been
   * forgotten meanwhile (its pod is gone) it is a detached entry; where other volumes use it, and the namespace's share of that is
   * used up, it is theirs alone.
   */
  use(volume: VolumeRecord, request: VaultRequest): CacheEntry {
    const { ownerKey, namespace } = volume;
    const known = this.#entries.find(ownerKey, request);
    const entry = known ?? newEntry({ key: `${ownerKey}\n${requestKey(request)}`, ownerKey, namespace, request });
    if (!this.has(volume)) return entry;
    if (!volume.entries.has(entry)) {
      if (entry.users.size > 0 && !this.#memory.admitsUse(namespace)) return entry;
      if (!known) this.#entries.add(entry);
      this.#addUser(entry, volume);
    }
    if (this.#evictable.has(entry)) this.#evictable.renew(entry);
    return entry;
  }

  /** The entry of this request, if a volume of the owner key uses it. */
  find(ownerKey: string, request: VaultRequest): CacheEntry | undefined {
    return this.#entries.find(ownerKey, request);
  }

  /**
   * Whether the namespace has room for another credential of so many bytes, and for one more volume that holds one: what
   * cannot be held must not be created. `undefined` when it has, else the limit whose share is used up.
   */
  fullForCredential(volume: VolumeRecord, bytes: number, now: number): keyof CacheLimits | undefined {
    if (!this.#memory.credentials.admits(volume.namespace, bytes)) return "bytes";
    if (2 * (this.#volumes.size + 1) <= this.#limits.volumes || holdsCredential(volume, now)) return undefined;
    const budget = new FairBudget(this.#limits.volumes);
    for (const one of this.#volumes.values()) if (holdsCredential(one, now)) budget.add(one.namespace, 1);
    return budget.admits(volume.namespace, 1) ? undefined : "volumes";
  }

  /** Bytes of the owner key's credentials, those included that only a volume's files are still made of: as its record has them. */
  credentialBytesOf(ownerKey: string): number {
    const answers = new Set<CachedSecret>();
    for (const { entries, delivered } of this.volumesOf(ownerKey)) {
      for (const entry of entries) {
        for (const answer of [entry.answer, delivered.get(entry)])
          if (answer && isCredential(answer)) answers.add(answer);
      }
    }
    return [...answers].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Holds an answer in its entry, and evicts older static ones for room; a static one without room is not held. */
  hold(entry: CacheEntry, answer: CachedSecret): void {
    this.#drop(entry);
    if (entry.users.size === 0) return;
    const room = this.#makeRoomForBytes(answer.bytes, entry.namespace);
    if (!room && answer.kind === "static") return;
    entry.refreshFailed = false;
    entry.invalid = false;
    entry.denied = false;
    this.#store(entry, answer);
  }

  /** The volume's files are made of these answers, and it uses no others. Returns whether any of them is new to it. */
  deliver(volume: VolumeRecord, answers: ReadonlyMap<CacheEntry, CachedSecret>, now: number): { changed: boolean } {
    for (const entry of volume.entries) if (!answers.has(entry)) this.#release(volume, entry);
    const changed = !areEqual(answers, volume.delivered) && this.#keep(volume, answers);
    volume.deliveries += 1;
    delete volume.supersededAt;
    if (!this.has(volume)) return { changed };
    for (const other of this.#volumesAt.get(volume.volumeKey) ?? []) if (other !== volume) other.supersededAt ??= now;
    return { changed };
  }

  /** Keeps the answers for the volume that there is room for. Returns whether any of them is new to it. */
  #keep(volume: VolumeRecord, answers: ReadonlyMap<CacheEntry, CachedSecret>): boolean {
    const kept = new Map([...answers].filter(([entry, answer]) => this.#mayKeep(volume, entry, answer)));
    const previous = volume.delivered;
    for (const [entry, answer] of kept) this.#memory.hold(answer, entry.namespace);
    for (const [entry, answer] of previous) this.#memory.drop(answer, entry.namespace);
    volume.delivered = kept;
    return !areEqual(kept, previous);
  }

  /** The volume's files are made of offline copies, the oldest read at `readAt`; or, where that is `undefined`, of none. */
  markCopied({ ownerKey, volumeKey }: Pick<VolumeRecord, "ownerKey" | "volumeKey">, readAt: number | undefined): void {
    const volume = this.#volumes.get(`${ownerKey}\n${volumeKey}`);
    if (!volume) return;
    delete volume.copiedAt;
    if (readAt !== undefined) volume.copiedAt = readAt;
  }

  /** A Mount uses it and is not answered yet; `removeReader` ends that. */
  addReader(entry: CacheEntry): void {
    entry.readers += 1;
  }

  /** An entry that nothing came of is dropped, for every volume that asked: a class that changes and fails leaves nothing behind. */
  removeReader(entry: CacheEntry): void {
    entry.readers -= 1;
    if (entry.readers > 0 || entry.creating || entry.answer) return;
    for (const user of entry.users) if (!user.delivered.has(entry)) this.#release(user, entry);
  }

  /**
   * Forgets volumes that hold no credential and are silent, or belong to another owner key now; and what a sync controller does
   * not ask for any more, with its credentials: gives those. Call it about every minute.
   */
  sweep(now: number): VolumeRecord[] {
    const unsynced: VolumeRecord[] = [];
    for (const volume of this.#volumes.values()) {
      const superseded = volume.supersededAt !== undefined && now - volume.supersededAt >= supersededMs;
      const silent = now - volume.seenAt >= this.#silenceOf(volume) && !this.#isPodAlive(volume);
      const needed = holdsCredential(volume, now);
      if (silent && needed && this.#isSynced(volume)) unsynced.push(volume);
      if (superseded || (silent && (!needed || this.#isSynced(volume)))) this.forget(volume);
    }
    return unsynced;
  }

  /**
   * Whether this owner key is still in use: by a pod that is known to be alive, one that mounted once (a driver that does
   * not republish is silent for good), or one that asked for a Mount within a day. The kubelet tries again until the first
   * Mount succeeds, so one that has no files and is silent has no use for any.
   */
  isInUse(ownerKey: string, now: number): boolean {
    return this.volumesOf(ownerKey).some(
      (volume) => this.#isPodAlive(volume) || volume.deliveries === 1 || now - volume.seenAt < this.#silenceOf(volume),
    );
  }

  /** Whether any volume belongs to this owner key. */
  isNeeded(ownerKey: string): boolean {
    return this.#volumesOf.has(ownerKey);
  }

  /** `false` for a volume that has been forgotten. */
  has(volume: VolumeRecord): boolean {
    return this.#volumes.get(volume.key) === volume;
  }

  volumesOf(ownerKey: string): VolumeRecord[] {
    return [...(this.#volumesOf.get(ownerKey) ?? [])];
  }

  /** The entries that the owner key's volumes use. */
  entriesOf(ownerKey: string): CacheEntry[] {
    return [...new Set(this.volumesOf(ownerKey).flatMap(({ entries }) => [...entries]))];
  }

  /** The pod is gone: releases what its volumes held. */
  forgetPod(uid: string): void {
    for (const volume of this.#volumes.values()) if (volume.pod?.uid === uid) this.forget(volume);
  }

  /**
   * Restores what an earlier process held. What this process has read since stays as it is, except for credentials that
   * were replaced meanwhile: this process could create none.
   */
  restore(restored: VolumeRecord, now: number): void {
    const known = this.#volumes.get(restored.key);
    const volume = known ?? {
      ...restored,
      entries: new Set<CacheEntry>(),
      delivered: new Map<CacheEntry, CachedSecret>(),
      // What was missed while no process ran says nothing: at least one Mount may still come.
      seenAt: this.#isSynced(restored) ? Math.max(restored.seenAt, now - this.#silenceOf(restored) / 2) : now,
    };
    volume.deliveries = Math.max(volume.deliveries, restored.deliveries);
    if (restored.contentsDigest !== undefined) volume.contentsDigest ??= restored.contentsDigest;
    if (!known) {
      this.#volumes.set(volume.key, volume);
      this.#file(volume);
    }
    for (const one of restored.entries) {
      const entry = this.#restoreEntry(one);
      if (!volume.entries.has(entry)) this.#addUser(entry, volume);
      const answer = restored.delivered.get(one);
      const known = volume.delivered.get(entry);
      if (!answer || !isNewerCredential(answer, known)) continue;
      volume.delivered.set(entry, answer);
      this.#memory.hold(answer, entry.namespace);
      if (known) this.#memory.drop(known, entry.namespace);
    }
  }

  #restoreEntry(restored: CacheEntry): CacheEntry {
    const known = this.#entries.find(restored.ownerKey, restored.request);
    const entry = known ?? { ...restored };
    if (!known) {
      entry.answer = undefined;
      this.#entries.add(entry);
    }
    if (restored.answer && isNewerCredential(restored.answer, entry.answer)) {
      this.#drop(entry);
      this.#store(entry, restored.answer);
    }
    return entry;
  }

  /** The volume is gone: releases what it held. */
  forget(volume: VolumeRecord): void {
    if (!this.#volumes.delete(volume.key)) return;
    for (const entry of volume.entries) this.#release(volume, entry);
    leave(this.#volumesAt, volume.volumeKey, volume);
    leave(this.#volumesOf, volume.ownerKey, volume);
  }

  volumes(): Iterable<VolumeRecord> {
    return this.#volumes.values();
  }

  entries(): Iterable<CacheEntry> {
    return this.#entries.values();
  }

  totals(): CacheTotals {
    const answers: Record<AnswerKind, number> = { static: 0, leased: 0, issued: 0 };
    for (const { answer } of this.#entries.values()) if (answer) answers[answer.kind] += 1;
    return { volumes: this.#volumes.size, bytes: this.#memory.held.total, answers };
  }

  /** Milliseconds since the oldest answer that could not be refreshed, or its copy, was read; 0 without one. */
  stalest(now: number): number {
    const held = [...this.#entries.values()].map(({ answer, refreshFailed }) => (refreshFailed ? answer?.readAt : now));
    const copied = [...this.#volumes.values()].map(({ copiedAt }) => copiedAt);
    return [...held, ...copied].reduce<number>((oldest, readAt = now) => Math.max(oldest, now - readAt), 0);
  }

  #store(entry: CacheEntry, answer: CachedSecret): void {
    entry.answer = answer;
    this.#memory.hold(answer, entry.namespace);
    if (!isCredential(answer)) this.#evictable.renew(entry);
  }

  #file(volume: VolumeRecord): void {
    group(this.#volumesOf, volume.ownerKey).add(volume);
    if (volume.pod) group(this.#volumesAt, volume.volumeKey).add(volume);
  }

  #isSynced({ pod }: VolumeRecord): boolean {
    return pod === undefined && this.#syncSilenceMs !== undefined;
  }

  #silenceOf({ pod }: VolumeRecord): number {
    return pod ? silenceMs : (this.#syncSilenceMs ?? silenceMs);
  }

  #isPodAlive({ pod }: VolumeRecord): boolean {
    return pod !== undefined && this.#podLives(pod.uid);
  }

  #addUser(entry: CacheEntry, volume: VolumeRecord): void {
    if (entry.users.size > 0) this.#memory.addUse(volume.namespace);
    entry.users.add(volume);
    volume.entries.add(entry);
  }

  #release(volume: VolumeRecord, entry: CacheEntry): void {
    volume.entries.delete(entry);
    const delivered = volume.delivered.get(entry);
    if (delivered) this.#memory.drop(delivered, entry.namespace);
    volume.delivered.delete(entry);
    entry.users.delete(volume);
    if (entry.users.size > 0) return this.#memory.dropUse(volume.namespace);
    this.#drop(entry);
    this.#entries.delete(entry);
  }

  #drop(entry: CacheEntry): void {
    if (!entry.answer) return;
    this.#memory.drop(entry.answer, entry.namespace);
    this.#evictable.remove(entry);
    entry.answer = undefined;
  }

  /** An answer that its entry no longer holds is kept for its volume if there is room, to be served stale. */
  #mayKeep(volume: VolumeRecord, entry: CacheEntry, answer: CachedSecret): boolean {
    if (!volume.entries.has(entry)) return false;
    return this.#memory.isHeld(answer) || this.#memory.held.total + answer.bytes <= this.#limits.bytes;
  }

  #makeRoomForVolume(namespace: string, now: number): void {
    const volumes = [...this.#volumes.values()];
    const counts = countByNamespace(volumes);
    const idle = volumes.filter((volume) => !holdsCredential(volume, now));
    const giver = giverTo(
      namespace,
      1,
      idle.map((volume) => volume.namespace),
      (of) => counts.get(of) ?? 0,
    );
    const victim = idle.find((volume) => volume.namespace === giver);
    if (!victim) {
      throw new ProviderError(
        "limit_exceeded",
        `this node already serves ${this.#limits.volumes} volumes, and each has a live credential or waits for one; raise limits.volumes or spread the pods`,
      );
    }
    this.forget(victim);
  }

  #makeRoomForBytes(bytes: number, namespace: string): boolean {
    const { held } = this.#memory;
    while (held.total + bytes > this.#limits.bytes) {
      const giver = giverTo(namespace, bytes, this.#evictable.namespaces(), (of) => held.takenBy(of));
      const victim = this.#evictable.oldest(giver);
      if (!victim) return false;
      for (const user of victim.users) this.#release(user, victim);
    }
    return true;
  }
}

/** Also true for the first answer. */
function isNewerCredential(candidate: CachedSecret, held: CachedSecret | undefined): boolean {
  return !held || (isCredential(candidate) && candidate.readAt > held.readAt);
}

/** Which namespace gives: the one that has most, if no less than the requester would have then; else the requester itself. */
function giverTo(asker: string, wanted: number, able: Iterable<string>, has: (namespace: string) => number): string {
  const fair = has(asker) + wanted;
  const others = [...new Set(able)].filter((namespace) => namespace !== asker && has(namespace) >= fair);
  return others.reduce((most, next) => (most === asker || has(next) > has(most) ? next : most), asker);
}

function countByNamespace(volumes: readonly VolumeRecord[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { namespace } of volumes) counts.set(namespace, (counts.get(namespace) ?? 0) + 1);
  return counts;
}

function areEqual<K, V>(one: ReadonlyMap<K, V>, other: ReadonlyMap<K, V>): boolean {
  if (one.size !== other.size) return false;
  for (const [key, value] of one) if (other.get(key) !== value) return false;
  return true;
}

function group<T>(groups: Map<string, Set<T>>, key: string): Set<T> {
  const known = groups.get(key);
  if (known) return known;
  const made = new Set<T>();
  groups.set(key, made);
  return made;
}

function leave<T>(groups: Map<string, Set<T>>, key: string, member: T): void {
  const members = groups.get(key);
  if (members?.delete(member) && members.size === 0) groups.delete(key);
}
