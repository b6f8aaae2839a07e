import type { VaultRequest } from "../mount/mount-spec.js";
import { requestKey } from "../mount/request-key.js";
import { ProviderError } from "../shared/errors.js";
import { FairBudget } from "../shared/fair-budget.js";
import { type Answer, type AnswerKind, isAlive } from "./answer.js";
import { AnswerMemory } from "./answer-memory.js";
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
  /** Mounts that are not answered yet and have asked for it. */
  visits?: number;
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
 * Who holds what. Pure memory: it never asks Vault, and the time is told to it.
 *
 * Shares are by Kubernetes namespace. A credential that is alive is never pushed out, nor is the volume that holds or
 * awaits it; so of both a namespace gets no more than it leaves free for others (`FairBudget`): half the limit alone, a
 * third each of two. Static answers, and volumes with nothing else, may fill what is left; for room the namespace that
 * has most gives its least recently used, and nobody gives to one that would have more then.
 */
export class AnswerBook {
  readonly #limits: BookLimits;
  readonly #forgotten: (tokenKey: string) => void;
  readonly #livingPod: (uid: string) => boolean;
  readonly #bindings = new Map<string, Binding>();
  readonly #entries = new Map<string, Entry>();
  readonly #memory: AnswerMemory;
  /** Those that hold a static answer. */
  readonly #evictable = new EvictionOrder();
  readonly #bindingsOf = new Map<string, Set<Binding>>();
  /** Those of pods' own volumes, by place: more than one while a class changes its role. */
  readonly #bindingsAt = new Map<string, Set<Binding>>();

  /** `forgotten` is told the token key that no binding needs any more; `lives` tells which pods are known to live. */
  constructor(limits: BookLimits, forgotten: (tokenKey: string) => void, lives: (podUid: string) => boolean) {
    this.#limits = limits;
    this.#memory = new AnswerMemory(limits.bytes);
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

  /**
   * Whether the namespace has room for another credential of so many bytes, and for one more volume that holds one: what
   * cannot be held must not be made. `undefined` when it has, else the limit it has its share of.
   */
  fullForCredential(binding: Binding, bytes: number, now: number): keyof BookLimits | undefined {
    if (!this.#memory.credentials.admits(binding.namespace, bytes)) return "bytes";
    if (2 * (this.#bindings.size + 1) <= this.#limits.bindings || needsPlace(binding, now)) return undefined;
    const places = new FairBudget(this.#limits.bindings);
    for (const one of this.#bindings.values()) if (needsPlace(one, now)) places.add(one.namespace, 1);
    return places.admits(binding.namespace, 1) ? undefined : "bindings";
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
  deliver(binding: Binding, answers: ReadonlyMap<Entry, Answer>, now: number): { news: boolean } {
    for (const entry of binding.entries) if (!answers.has(entry)) this.#release(binding, entry);
    const kept = new Map([...answers].filter(([entry, answer]) => this.#mayKeep(binding, entry, answer)));
    const former = binding.delivered;
    const news = kept.size !== former.size || [...kept].some(([entry, answer]) => former.get(entry) !== answer);
    for (const [entry, answer] of kept) this.#memory.hold(answer, entry.namespace);
    for (const [entry, answer] of former) this.#memory.drop(answer, entry.namespace);
    binding.delivered = kept;
    binding.deliveries += 1;
    delete binding.supersededAt;
    if (!this.#has(binding)) return { news };
    for (const other of this.#bindingsAt.get(binding.place) ?? []) if (other !== binding) other.supersededAt ??= now;
    return { news };
  }

  /** A Mount has asked for it and is not answered yet; `left` says that it is. */
  visited(entry: Entry): void {
    entry.visits = (entry.visits ?? 0) + 1;
  }

  /** What came to nothing is not kept: a class that is changed and fails again and again leaves nothing behind. */
  left(binding: Binding, entry: Entry): void {
    entry.visits = (entry.visits ?? 1) - 1;
    const idle = entry.visits === 0 && !entry.making && !entry.answer && !binding.delivered.has(entry);
    if (idle && binding.entries.has(entry)) this.#release(binding, entry);
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
      const known = binding.delivered.get(entry);
      if (!answer || !isNewerCredential(answer, known)) continue;
      binding.delivered.set(entry, answer);
      this.#memory.hold(answer, entry.namespace);
      if (known) this.#memory.drop(known, entry.namespace);
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
    return { bindings: this.#bindings.size, bytes: this.#memory.held.total, answers };
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
    this.#memory.hold(answer, entry.namespace);
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
    const delivered = binding.delivered.get(entry);
    if (delivered) this.#memory.drop(delivered, entry.namespace);
    binding.delivered.delete(entry);
    entry.users.delete(binding);
    if (entry.users.size > 0) return;
    this.#drop(entry);
    this.#entries.delete(entry.key);
  }

  #drop(entry: Entry): void {
    if (!entry.answer) return;
    this.#memory.drop(entry.answer, entry.namespace);
    this.#evictable.remove(entry);
    delete entry.answer;
  }

  /** What an entry no longer holds is kept for its volume where there is room, as what stands in for the new. */
  #mayKeep(binding: Binding, entry: Entry, answer: Answer): boolean {
    if (!binding.entries.has(entry)) return false;
    return this.#memory.isHeld(answer) || this.#memory.held.total + answer.bytes <= this.#limits.bytes;
  }

  #makeRoomForBinding(namespace: string, now: number): void {
    const bindings = [...this.#bindings.values()];
    const counts = countByNamespace(bindings);
    const idle = bindings.filter((binding) => !needsPlace(binding, now));
    const giver = giverTo(
      namespace,
      1,
      idle.map((binding) => binding.namespace),
      (of) => counts.get(of) ?? 0,
    );
    const victim = idle.find((binding) => binding.namespace === giver);
    if (!victim) {
      throw new ProviderError(
        "limit_exceeded",
        `this node already serves ${this.#limits.bindings} volumes, and each has a live credential or waits for one; raise limits.bindings or spread the pods`,
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

/** Who gives of those that can: whoever has most, if no less than the asker would have then; else the asker itself. */
function giverTo(asker: string, wanted: number, able: Iterable<string>, has: (namespace: string) => number): string {
  const fair = has(asker) + wanted;
  const others = [...new Set(able)].filter((namespace) => namespace !== asker && has(namespace) >= fair);
  return others.reduce((most, next) => (most === asker || has(next) > has(most) ? next : most), asker);
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
