import { type Priority, priorities } from "./vault-client.js";

/** Who waits, and for what. */
export interface Waiting {
  /** Kubernetes namespace: the unit of fairness. */
  namespace: string;
  priority: Priority;
  /** Those of one lane of a namespace are admitted alike. */
  lane: string;
}

interface QueueEntry<T> {
  item: T;
  number: number;
}

/** One namespace's waiting requests of one priority, by lane: where one lane has to wait, the others pass it. */
type Lanes<T> = Map<string, QueueEntry<T>[]>;

/** One turn in so many goes to the item that has waited longest, so that a flood of urgent ones does not starve the rest. */
const turnsOfTheOldest = 8;

/**
 * Decides who is next: the most urgent first, within a priority one namespace after another, within a namespace in the
 * order they came. When full, the namespace that holds the most gives way: its newest, least urgent request.
 */
export class FairQueue<T extends Waiting> {
  readonly #capacity: number;
  readonly #waiting = new Map<Priority, Map<string, Lanes<T>>>(priorities.map((priority) => [priority, new Map()]));
  readonly #held = new Map<string, number>();
  #size = 0;
  #numbers = 0;
  #turns = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  namespaces(): Iterable<string> {
    return this.#held.keys();
  }

  /** Gives the one that has to leave for it, which may be the newcomer itself. */
  add(item: T): T | undefined {
    const { priority, namespace, lane } = item;
    const lanes = this.#waiting.get(priority)!.get(namespace) ?? new Map<string, QueueEntry<T>[]>();
    this.#waiting.get(priority)!.set(namespace, lanes);
    const line = lanes.get(lane) ?? [];
    lanes.set(lane, line);
    line.push({ item, number: this.#numbers++ });
    this.#count(namespace, 1);
    return this.#size > this.#capacity ? this.#evict() : undefined;
  }

  /** The next of those that `admits` lets run; it leaves the queue. */
  take(admits: (item: T) => boolean): T | undefined {
    this.#turns += 1;
    const item = this.#turns % turnsOfTheOldest === 0 ? this.#oldest(admits) : this.next(admits);
    if (!item) return undefined;
    this.remove(item);
    const byNamespace = this.#waiting.get(item.priority)!;
    const lanes = byNamespace.get(item.namespace);
    if (lanes) {
      byNamespace.delete(item.namespace);
      byNamespace.set(item.namespace, lanes); // To the end of the round.
    }
    return item;
  }

  /** The most urgent of those that `admits` would let run; it stays. */
  next(admits: (item: T) => boolean): T | undefined {
    for (const byNamespace of this.#waiting.values()) {
      for (const lanes of byNamespace.values()) {
        const entry = earliest(lanes, admits);
        if (entry) return entry.item;
      }
    }
    return undefined;
  }

  /** Takes out one who no longer waits. */
  remove(item: T): void {
    const byNamespace = this.#waiting.get(item.priority)!;
    const lanes = byNamespace.get(item.namespace);
    const line = lanes?.get(item.lane);
    const at = line?.findIndex((entry) => entry.item === item) ?? -1;
    if (!lanes || !line || at < 0) return;
    line.splice(at, 1);
    if (line.length === 0) lanes.delete(item.lane);
    if (lanes.size === 0) byNamespace.delete(item.namespace);
    this.#count(item.namespace, -1);
  }

  #oldest(admits: (item: T) => boolean): T | undefined {
    const all = [...this.#waiting.values()].flatMap((byNamespace) => [...byNamespace.values()]);
    return all.map((lanes) => earliest(lanes, admits)).reduce(earlier, undefined)?.item;
  }

  #evict(): T | undefined {
    const [largest] = [...this.#held].reduce((most, held) => (held[1] > most[1] ? held : most));
    for (const priority of [...priorities].reverse()) {
      const lanes = this.#waiting.get(priority)!.get(largest);
      const lasts = [...(lanes?.values() ?? [])].map((line) => line.at(-1)!);
      if (lasts.length === 0) continue;
      const newest = lasts.reduce((last, entry) => (entry.number > last.number ? entry : last));
      this.remove(newest.item);
      return newest.item;
    }
    return undefined;
  }

  #count(namespace: string, change: number): void {
    const held = (this.#held.get(namespace) ?? 0) + change;
    if (held === 0) this.#held.delete(namespace);
    else this.#held.set(namespace, held);
    this.#size += change;
  }
}

function earliest<T>(lanes: Lanes<T>, admits: (item: T) => boolean): QueueEntry<T> | undefined {
  return [...lanes.values()]
    .map(([first]) => (first && admits(first.item) ? first : undefined))
    .reduce(earlier, undefined);
}

function earlier<T>(a: QueueEntry<T> | undefined, b: QueueEntry<T> | undefined): QueueEntry<T> | undefined {
  if (!a || !b) return a ?? b;
  return a.number < b.number ? a : b;
}
