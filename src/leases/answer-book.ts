import type { VaultRequest } from "../mount/mount-spec.js";
import { requestKey } from "../mount/request-key.js";
import { ProviderError } from "../shared/errors.js";
import { type Answer, type AnswerKind, isAlive } from "./answer.js";
import { EvictionOrder } from "./eviction-order.js";

export interface BookLimits {
  bindings: number;
  /** Of memory that answers take. */
  bytes: number;
}

/** A volume, or what stands for one: it holds the answers its last delivered Mount was made of. */
export interface Binding {
  readonly key: string;
  readonly tokenKey: string;
  /** Kubernetes namespace: the unit of fairness. */
  readonly namespace: string;
  /** The volume itself, whoever asks for it. */
  readonly place: string;
  /** Of a pod's own volume. */
  readonly pod?: VolumePod;
  readonly entries: Set<Entry>;
  /** What the volume's files were last made of: what stands in when nothing better can be had. */
  delivered: Map<Entry, Answer>;
  seenAt: number;
  /** How many Mounts were answered with files; from the second on it is known that they come again. */
  deliveries: number;
  /** The versions last delivered; absent until a Mount has succeeded. */
  versions?: string;
  /** The pod's wish for a refresh (an annotation) that the last delivery has fulfilled. */
  refresh?: string;
  /** The volume has been delivered for another token key since. */
  supersededAt?: number;
}

/** The pod whose volume it is. */
export interface VolumePod {
  namespace: string;
  name: string;
  uid: string;
}

export type BindingOf = Pick<Binding, "tokenKey" | "namespace" | "place" | "pod">;

/** One request of one token key, its answer where there is one, and the bindings that use it. */
export interface Entry {
  readonly key: string;
  readonly tokenKey: string;
  readonly namespace: string;
  readonly request: VaultRequest;
  readonly users: Set<Binding>;
  answer?: Answer;
  /** The last attempt to have it anew failed. */
  overdue?: boolean;
  /** It is static and of no use to a reader, however young. */
  unfit?: boolean;
  /** Vault has denied it to a living token since it was last answered. */
  denied?: boolean;
  /** A credential is being made: it would be lost if its users lost their place, or if nobody knew of it. */
  making?: boolean;
}

export interface BookTotals {
  bindings: number;
  bytes: number;
  answers: Record<AnswerKind, number>;
}

/** A volume that was seen asking again and again, and has not in so long, is taken for gone where nobody tells. */
const silenceMs = 24 * 60 * 60_000;
/** Files made for another role are written by then. */
const supersededMs = 5 * 60_000;

/**
 * Who holds what. Pure memory: it never asks Vault, and the time is told to it. A credential that is alive is never
 * pushed out by a newcomer; static answers are, the oldest of the namespace that holds most first, so that no namespace
 * keeps more than its half when others want room. A volume whose credential is being made keeps its place, too.
 */
export class AnswerBook {
  readonly #limits: BookLimits;
  readonly #forgotten: (tokenKey: string) => void;
  readonly #livingPod: (uid: string) => boolean;
  readonly #bindings = new Map<string, Binding>();
  readonly #entries = new Map<string, Entry>();
  /** Those that hold a static answer. */
  readonly #evictable = new EvictionOrder();
  /** By namespace, and of all credentials. */
  readonly #bytes = new Map<string, number>();
  #credentialBytes = 0;
  readonly #bindingsOf = new Map<string, Set<Binding>>();
  /** Those of pods' own volumes, by place: more than one while a class changes its role. */
  readonly #bindingsAt = new Map<string, Set<Binding>>();

  /** `forgotten` is told the token key that no binding needs any more; `lives` tells which pods are known to live. */
  constructor(limits: BookLimits, forgotten: (tokenKey: string) => void, lives: (podUid: string) => boolean) {
    this.#limits = limits;
    this.#forgotten = forgotten;
    this.#livingPod = lives;
  }

  /** The binding of this key, made where it is new. Throws `limit_exceeded` when every place is needed. */
  bind(of: BindingOf, now: number): Binding {
    const key = `${of.tokenKey}\n${of.place}`;
    const known = this.#bindings.get(key);
    if (!known && this.#bindings.size >= this.#limits.bindings) this.#makeRoomForBinding(of.namespace, now);
    const binding = known ?? {
      key,
      ...of,
      entries: new Set<Entry>(),
      delivered: new Map(),
      seenAt: now,
      deliveries: 0,
    };
    binding.seenAt = now;
    this.#bindings.delete(key);
    this.#bindings.set(key, binding);
    if (!known) this.#file(binding);
    return binding;
  }

  /**
   * The entry of a binding's request, made where it is new; from now on the binding uses it. For a binding that has been
   * forgotten meanwhile (its pod is gone) it is an entry that nothing is held in.
   */
  use(binding: Binding, request: VaultRequest): Entry {
    const { tokenKey, namespace } = binding;
    const key = `${tokenKey}\n${requestKey(request)}`;
    const entry = this.#entries.get(key) ?? { key, tokenKey, namespace, request, users: new Set<Binding>() };
    if (!this.#has(binding)) return entry;
    this.#entries.set(key, entry);
    if (this.#evictable.has(entry)) this.#evictable.renew(entry);
    entry.users.add(binding);
    binding.entries.add(entry);
    return entry;
  }

  /** The same where it is used already. */
  find({ tokenKey }: Binding, request: VaultRequest): Entry | undefined {
    return this.#entries.get(`${tokenKey}\n${requestKey(request)}`);
  }

  /** Whether there is room for another credential: what cannot be held must not be made. */
  hasRoomForCredential(): boolean {
    return this.#credentialBytes < this.#limits.bytes;
  }

  /** Holds an answer in its entry, pushing out older static ones for room; a static one too many is not held at all. */
  hold(entry: Entry, answer: Answer): void {
    this.#drop(entry);
    if (entry.users.size === 0) return;
    const room = this.#makeRoomForBytes(answer.bytes, entry.namespace);
    if (!room && answer.kind === "static") return;
    entry.overdue = false;
    entry.unfit = false;
    entry.denied = false;
    this.#place(entry, answer);
  }

  /** The volume's files are made of these answers, and it uses no others. Tells whether any of them is news to it. */
  deliver(binding: Binding, answers: Map<Entry, Answer>, now: number): { news: boolean } {
    for (const entry of binding.entries) if (!answers.has(entry)) this.#release(binding, entry);
    const news =
      answers.size !== binding.delivered.size ||
      [...answers].some(([entry, answer]) => binding.delivered.get(entry) !== answer);
    binding.delivered = answers;
    binding.deliveries += 1;
    delete binding.supersededAt;
    if (!this.#has(binding)) return { news };
    for (const other of this.#bindingsAt.get(binding.place) ?? []) if (other !== binding) other.supersededAt ??= now;
    return { news };
  }

  /** Forgets volumes that hold nothing of worth and have gone silent, or belong to another now; call it every minute or so. */
  sweep(now: number): void {
    for (const binding of this.#bindings.values()) {
      const superseded = binding.supersededAt !== undefined && now - binding.supersededAt >= supersededMs;
      const idle = now - binding.seenAt >= silenceMs && !this.#lives(binding) && !needsPlace(binding, now);
      if (superseded || idle) this.forget(binding);
    }
  }

  /**
   * Whether anybody still wants what this token key holds: a pod that is known to live, one that never asked twice (the
   * driver does not republish, so its silence tells nothing), or one that asked within a day.
   */
  isWanted(tokenKey: string, now: number): boolean {
    return this.bindingsOf(tokenKey).some(
      (binding) => this.#lives(binding) || binding.deliveries < 2 || now - binding.seenAt < silenceMs,
    );
  }

  /** Whether any binding is of this token key. */
  isNeeded(tokenKey: string): boolean {
    return this.#bindingsOf.has(tokenKey);
  }

  bindingsOf(tokenKey: string): Binding[] {
    return [...(this.#bindingsOf.get(tokenKey) ?? [])];
  }

  /** Everything held for a token key. */
  entriesOf(tokenKey: string): Entry[] {
    return [...new Set(this.bindingsOf(tokenKey).flatMap(({ entries }) => [...entries]))];
  }

  /** The pod is gone: releases what its volumes held. */
  forgetPod(uid: string): void {
    for (const binding of this.#bindings.values()) if (binding.pod?.uid === uid) this.forget(binding);
  }

  /**
   * Takes up what an earlier process held. What this one has been asked for since stays as it is, but for credentials that
   * were replaced meanwhile: this one could make none.
   */
  restore(former: Binding): void {
    const known = this.#bindings.get(former.key);
    const binding = known ?? { ...former, entries: new Set<Entry>(), delivered: new Map<Entry, Answer>() };
    if (!known) {
      this.#bindings.set(binding.key, binding);
      this.#file(binding);
    }
    for (const one of former.entries) {
      const entry = this.#restoreEntry(one);
      entry.users.add(binding);
      binding.entries.add(entry);
      const answer = former.delivered.get(one);
      if (answer && isNewerCredential(answer, binding.delivered.get(entry))) binding.delivered.set(entry, answer);
    }
  }

  #restoreEntry(former: Entry): Entry {
    const entry = this.#entries.get(former.key) ?? { ...former };
    if (!this.#entries.has(entry.key)) delete entry.answer;
    this.#entries.set(entry.key, entry);
    if (former.answer && isNewerCredential(former.answer, entry.answer)) {
      this.#drop(entry);
      this.#place(entry, former.answer);
    }
    return entry;
  }

  /** The volume is gone: releases what it held. */
  forget(binding: Binding): void {
    if (!this.#bindings.delete(binding.key)) return;
    for (const entry of binding.entries) this.#release(binding, entry);
    leave(this.#bindingsAt, binding.place, binding);
    if (leave(this.#bindingsOf, binding.tokenKey, binding)) this.#forgotten(binding.tokenKey);
  }

  bindings(): Iterable<Binding> {
    return this.#bindings.values();
  }

  entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  totals(): BookTotals {
    const answers: Record<AnswerKind, number> = { static: 0, leased: 0, issued: 0 };
    for (const { answer } of this.#entries.values()) if (answer) answers[answer.kind] += 1;
    return { bindings: this.#bindings.size, bytes: this.#totalBytes(), answers };
  }

  /** Milliseconds since the oldest answer was read that could not be had anew; 0 without one. */
  stalest(now: number): number {
    const ages = [...this.#entries.values()].map(({ answer, overdue }) =>
      answer && overdue ? now - answer.readAt : 0,
    );
    return ages.reduce((oldest, age) => Math.max(oldest, age), 0);
  }

  #place(entry: Entry, answer: Answer): void {
    entry.answer = answer;
    this.#count(entry.namespace, answer, 1);
    if (isEvictable(answer)) this.#evictable.renew(entry);
  }

  #file(binding: Binding): void {
    group(this.#bindingsOf, binding.tokenKey).add(binding);
    if (binding.pod) group(this.#bindingsAt, binding.place).add(binding);
  }

  #has(binding: Binding): boolean {
    return this.#bindings.get(binding.key) === binding;
  }

  #lives({ pod }: Binding): boolean {
    return pod !== undefined && this.#livingPod(pod.uid);
  }

  #release(binding: Binding, entry: Entry): void {
    binding.entries.delete(entry);
    binding.delivered.delete(entry);
    entry.users.delete(binding);
    if (entry.users.size > 0) return;
    this.#drop(entry);
    this.#entries.delete(entry.key);
  }

  #drop(entry: Entry): void {
    if (!entry.answer) return;
    this.#count(entry.namespace, entry.answer, -1);
    this.#evictable.remove(entry);
    delete entry.answer;
  }

  #makeRoomForBinding(namespace: string, now: number): void {
    const bindings = [...this.#bindings.values()];
    const crowded = crowdedBy(namespace, countByNamespace(bindings), this.#limits.bindings);
    const idle = (binding: Binding) => !needsPlace(binding, now);
    const victim = bindings.find((binding) => binding.namespace === crowded && idle(binding)) ?? bindings.find(idle);
    if (!victim) {
      throw new ProviderError(
        "limit_exceeded",
        `this node already serves ${this.#limits.bindings} volumes, and each has a live credential or waits for one; raise limits.bindings or spread the pods`,
      );
    }
    this.forget(victim);
  }

  #makeRoomForBytes(bytes: number, namespace: string): boolean {
    while (this.#totalBytes() + bytes > this.#limits.bytes) {
      const victim = this.#evictable.oldest(crowdedBy(namespace, this.#bytes, this.#limits.bytes));
      if (!victim) return false;
      for (const user of victim.users) this.#release(user, victim);
    }
    return true;
  }

  #totalBytes(): number {
    return [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  #count(namespace: string, answer: Answer, sign: 1 | -1): void {
    if (!isEvictable(answer)) this.#credentialBytes += sign * answer.bytes;
    const held = (this.#bytes.get(namespace) ?? 0) + sign * answer.bytes;
    if (held > 0) this.#bytes.set(namespace, held);
    else this.#bytes.delete(namespace);
  }
}

/** Or the first answer of all. */
function isNewerCredential(former: Answer, held: Answer | undefined): boolean {
  return !held || (former.kind !== "static" && former.readAt > held.readAt);
}

function isEvictable({ kind }: Answer): boolean {
  return kind === "static";
}

/** It holds a live credential, or one is being made for it. */
function needsPlace(binding: Binding, now: number): boolean {
  return [...binding.entries].some(
    ({ answer, making }) => making || (answer && !isEvictable(answer) && answer.term && isAlive(answer, now)),
  );
}

/** Whose turn it is to give: the asker, if it holds more than half, else whoever holds most. */
function crowdedBy(asker: string, held: ReadonlyMap<string, number>, budget: number): string {
  if ((held.get(asker) ?? 0) > budget / 2) return asker;
  return [...held].reduce((most, next) => (next[1] > most[1] ? next : most), [asker, 0] as [string, number])[0];
}

function countByNamespace(bindings: readonly Binding[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { namespace } of bindings) counts.set(namespace, (counts.get(namespace) ?? 0) + 1);
  return counts;
}

function group<T>(groups: Map<string, Set<T>>, key: string): Set<T> {
  const known = groups.get(key);
  if (known) return known;
  const made = new Set<T>();
  groups.set(key, made);
  return made;
}

/** Whether it was the last of its group. */
function leave<T>(groups: Map<string, Set<T>>, key: string, member: T): boolean {
  const members = groups.get(key);
  if (!members?.delete(member) || members.size > 0) return false;
  return groups.delete(key);
}
