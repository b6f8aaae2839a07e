import { ProviderError } from "../shared/errors.js";
import type { VaultToken } from "../vault/vault-client.js";
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
  readonly entries: Set<Entry>;
  seenAt: number;
  /** The versions last delivered; absent until a Mount has succeeded. */
  versions?: string;
}

/** One request of one token key, its answer where there is one, and the bindings that use it. */
export interface Entry {
  readonly key: string;
  readonly tokenKey: string;
  readonly namespace: string;
  readonly users: Set<Binding>;
  answer?: Answer;
  /** The last attempt to have it anew failed. */
  overdue?: boolean;
  /** It is static and of no use to a reader, however young. */
  unfit?: boolean;
  /** A credential is being made: it would be lost if its users lost their place. */
  making?: boolean;
}

export interface BookTotals {
  bindings: number;
  bytes: number;
  answers: Record<AnswerKind, number>;
}

/** A binding that nobody has asked for in so long, and that holds no live credential, is forgotten. */
const silenceMs = 24 * 60 * 60_000;

/**
 * Who holds what. Pure memory: it never asks Vault, and the time is told to it. A credential that is alive is never
 * pushed out by a newcomer; static answers are, the oldest of the namespace that holds most first, so that no namespace
 * keeps more than its half when others want room. A volume whose credential is being made keeps its place, too.
 */
export class AnswerBook {
  readonly #limits: BookLimits;
  readonly #forgotten: (tokenKey: string) => void;
  readonly #bindings = new Map<string, Binding>();
  readonly #entries = new Map<string, Entry>();
  /** Those that hold a static answer. */
  readonly #evictable = new EvictionOrder();
  /** By namespace, and of all credentials. */
  readonly #bytes = new Map<string, number>();
  #credentialBytes = 0;
  readonly #bindingsOf = new Map<string, Set<Binding>>();

  /** `forgotten` is told the token key that no binding needs any more. */
  constructor(limits: BookLimits, forgotten: (tokenKey: string) => void) {
    this.#limits = limits;
    this.#forgotten = forgotten;
  }

  /** The binding of this key, made where it is new. Throws `limit_exceeded` when every place is needed. */
  bind(key: string, of: { tokenKey: string; namespace: string }, now: number): Binding {
    const known = this.#bindings.get(key);
    if (!known && this.#bindings.size >= this.#limits.bindings) this.#makeRoomForBinding(of.namespace, now);
    const binding = known ?? { key, ...of, entries: new Set<Entry>(), seenAt: now };
    binding.seenAt = now;
    this.#bindings.delete(key);
    this.#bindings.set(key, binding);
    if (!known) group(this.#bindingsOf, of.tokenKey).add(binding);
    return binding;
  }

  /** The entry of a binding's request, made where it is new; from now on the binding uses it. */
  use(binding: Binding, requestKey: string): Entry {
    const key = `${binding.tokenKey}\n${requestKey}`;
    const entry = this.#entries.get(key) ?? {
      key,
      tokenKey: binding.tokenKey,
      namespace: binding.namespace,
      users: new Set<Binding>(),
    };
    this.#entries.set(key, entry);
    if (this.#evictable.has(entry)) this.#evictable.renew(entry);
    entry.users.add(binding);
    binding.entries.add(entry);
    return entry;
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
    entry.answer = answer;
    entry.overdue = false;
    entry.unfit = false;
    this.#count(entry.namespace, answer, 1);
    if (isEvictable(answer)) this.#evictable.renew(entry);
  }

  /** The binding uses these entries and no others. */
  keepOnly(binding: Binding, entries: ReadonlySet<Entry>): void {
    for (const entry of binding.entries) if (!entries.has(entry)) this.#release(binding, entry);
  }

  /** Vault says the token is dead, so what was leased with it is too. */
  tokenDied(token: VaultToken): void {
    for (const entry of this.#entries.values()) {
      if (entry.answer?.kind === "leased" && entry.answer.token === token) this.#drop(entry);
    }
  }

  /** Forgets what has ended and who has gone silent; call it every minute or so. */
  sweep(now: number): void {
    for (const entry of this.#entries.values()) if (entry.answer && !isAlive(entry.answer, now)) this.#drop(entry);
    for (const binding of this.#bindings.values()) {
      if (now - binding.seenAt >= silenceMs && !needsPlace(binding, now)) this.forget(binding);
    }
  }

  /** The volume is gone: releases what it held. */
  forget(binding: Binding): void {
    if (!this.#bindings.delete(binding.key)) return;
    for (const entry of binding.entries) this.#release(binding, entry);
    const siblings = group(this.#bindingsOf, binding.tokenKey);
    siblings.delete(binding);
    if (siblings.size > 0) return;
    this.#bindingsOf.delete(binding.tokenKey);
    this.#forgotten(binding.tokenKey);
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

  #release(binding: Binding, entry: Entry): void {
    binding.entries.delete(entry);
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

function isEvictable({ kind }: Answer): boolean {
  return kind === "static";
}

/** It holds a live credential, or one is being made for it. */
function needsPlace(binding: Binding, now: number): boolean {
  return [...binding.entries].some(
    ({ answer, making }) => making || (answer && !isEvictable(answer) && answer.life && isAlive(answer, now)),
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
