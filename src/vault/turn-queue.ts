import { type Priority, priorities } from "./vault-client.js";

/** Who waits: what it is for, and whether it is a login, of which fewer may run at once. */
export interface Waiting {
  namespace: string;
  priority: Priority;
  isLogin: boolean;
}

interface Ticket<T> {
  item: T;
  number: number;
}

/** One namespace's waiting requests of one priority; logins apart, for they may have to wait while others may go. */
interface Lane<T> {
  logins: Ticket<T>[];
  others: Ticket<T>[];
}

/** One turn in so many goes to whoever has waited longest, so that a flood of the urgent does not starve the rest. */
const turnsOfTheOldest = 8;

/**
 * Decides who is next: the most urgent first, within a priority one namespace after another, within a namespace in the
 * order they came. When full, the namespace that holds the most gives way: its newest, least urgent request.
 */
export class TurnQueue<T extends Waiting> {
  readonly #capacity: number;
  readonly #lanes = new Map<Priority, Map<string, Lane<T>>>(priorities.map((priority) => [priority, new Map()]));
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

  /** Gives the one that has to leave for it, which may be the newcomer itself. */
  add(item: T): T | undefined {
    const lanes = this.#lanes.get(item.priority)!;
    const lane = lanes.get(item.namespace) ?? { logins: [], others: [] };
    lanes.set(item.namespace, lane);
    (item.isLogin ? lane.logins : lane.others).push({ item, number: this.#numbers++ });
    this.#count(item.namespace, 1);
    return this.#size > this.#capacity ? this.#evict() : undefined;
  }

  /** The next to run; logins only when there is room for them. */
  take(loginsMayRun: boolean): T | undefined {
    this.#turns += 1;
    const ready = (lane: Lane<T>) => earliest(lane.others[0], loginsMayRun ? lane.logins[0] : undefined);
    const ticket = this.#turns % turnsOfTheOldest === 0 ? this.#oldest(ready) : this.#mostUrgent(ready);
    if (!ticket) return undefined;
    this.remove(ticket.item);
    const lanes = this.#lanes.get(ticket.item.priority)!;
    const lane = lanes.get(ticket.item.namespace);
    if (lane) {
      lanes.delete(ticket.item.namespace);
      lanes.set(ticket.item.namespace, lane); // To the end of the round.
    }
    return ticket.item;
  }

  /** Takes out one who no longer waits. */
  remove(item: T): void {
    const lanes = this.#lanes.get(item.priority)!;
    const lane = lanes.get(item.namespace);
    const line = item.isLogin ? lane?.logins : lane?.others;
    const at = line?.findIndex((ticket) => ticket.item === item) ?? -1;
    if (!lane || !line || at < 0) return;
    line.splice(at, 1);
    if (lane.logins.length + lane.others.length === 0) lanes.delete(item.namespace);
    this.#count(item.namespace, -1);
  }

  #mostUrgent(ready: (lane: Lane<T>) => Ticket<T> | undefined): Ticket<T> | undefined {
    for (const lanes of this.#lanes.values()) {
      for (const lane of lanes.values()) {
        const ticket = ready(lane);
        if (ticket) return ticket;
      }
    }
    return undefined;
  }

  #oldest(ready: (lane: Lane<T>) => Ticket<T> | undefined): Ticket<T> | undefined {
    const lanes = [...this.#lanes.values()].flatMap((byNamespace) => [...byNamespace.values()]);
    return lanes.map(ready).reduce(earliest, undefined);
  }

  #evict(): T | undefined {
    const [largest] = [...this.#held].reduce((most, held) => (held[1] > most[1] ? held : most));
    for (const priority of [...priorities].reverse()) {
      const lane = this.#lanes.get(priority)!.get(largest);
      const [login, other] = [lane?.logins.at(-1), lane?.others.at(-1)];
      const newest = !login || (other && other.number > login.number) ? other : login;
      if (newest) {
        this.remove(newest.item);
        return newest.item;
      }
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

function earliest<T>(a: Ticket<T> | undefined, b: Ticket<T> | undefined): Ticket<T> | undefined {
  if (!a || !b) return a ?? b;
  return a.number < b.number ? a : b;
}
