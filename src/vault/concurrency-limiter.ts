import type { ConnectionLimits } from "../config/connection.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { FairQueue } from "./fair-queue.js";
import type { Priority } from "./vault-client.js";

/** One request, as far as its place among others goes. */
export interface Slot {
  /** Kubernetes namespace. */
  namespace: string;
  priority: Priority;
  engine: string;
  /** Who creates something cannot be cut off without losing it, so fewer of those may run at once. */
  kind: "read" | "login" | "create";
}

interface Waiter extends Slot {
  lane: string;
  start(): void;
  refuse(reason: ProviderError): void;
}

interface Running {
  slot: Slot;
  startedAt: number;
  abort: AbortController;
  isCut: boolean;
}

/** More than all pods of a node ask for at once (250 pods, ten objects each, would be about this many). */
const queueCapacity = 2_048;
/** From then on a request gives way to others. */
const slowMs = 1_000;

/**
 * Bounds what runs at once on one connection: the urgent first, each namespace in its turn. No namespace has more than
 * half of the slots, and what creates something no more than half of them together, a quarter for one namespace or one
 * engine. Where all slots are taken, a request that has been slow is cut off for another that waits, if its namespace has
 * more than its even share of the slots or its engine more than half: so neither a tenant nor an engine that hangs
 * holds up the others.
 */
export class ConcurrencyLimiter {
  readonly #limits: Pick<ConnectionLimits, "inFlight" | "logins">;
  readonly #clock: Clock;
  readonly #queue: FairQueue<Waiter>;
  readonly #running = new Set<Running>();
  readonly #counts = new Counts();
  #looksAgain = false;

  constructor(limits: Pick<ConnectionLimits, "inFlight" | "logins">, clock: Clock, capacity = queueCapacity) {
    this.#limits = limits;
    this.#clock = clock;
    this.#queue = new FairQueue(capacity);
  }

  /** For gauges. */
  get load(): { inFlight: number; waiting: number } {
    return { inFlight: this.#running.size, waiting: this.#queue.size };
  }

  /**
   * Runs `work` when its turn has come. What is cut off ends with its signal, and gives what `cut` makes. Throws
   * `limit_exceeded` when too many wait, or the signal's reason when it aborts before the turn.
   */
  async run<T>(slot: Slot, work: (signal: AbortSignal) => Promise<T>, cut: () => T, signal: AbortSignal): Promise<T> {
    await this.#turn(slot, signal);
    const running = { slot, startedAt: this.#clock.monotonic(), abort: new AbortController(), isCut: false };
    const follow = () => running.abort.abort(signal.reason);
    signal.addEventListener("abort", follow, { once: true });
    if (signal.aborted) follow();
    this.#running.add(running);
    try {
      return await work(running.abort.signal);
    } catch (reason) {
      if (running.isCut && !signal.aborted) return cut();
      throw reason;
    } finally {
      signal.removeEventListener("abort", follow);
      this.#running.delete(running);
      this.#counts.add(slot, -1);
      this.#startNext();
    }
  }

  #turn(slot: Slot, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const leave = () => signal.removeEventListener("abort", abort);
      const waiter: Waiter = {
        ...slot,
        lane: `${slot.kind} ${slot.engine}`,
        start: () => (leave(), resolve()),
        refuse: (reason) => (leave(), reject(reason)),
      };
      const abort = () => {
        this.#queue.remove(waiter);
        waiter.refuse(signal.reason as ProviderError);
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#queue.add(waiter)?.refuse(tooMany());
      this.#startNext();
    });
  }

  #startNext(): void {
    while (this.#counts.total < this.#limits.inFlight) {
      const next = this.#queue.take(this.#admits);
      if (!next) return;
      this.#counts.add(next, 1);
      next.start();
    }
    this.#makeRoom();
  }

  /** Apart from there being a slot at all. */
  readonly #admits = ({ namespace, engine, kind }: Slot): boolean => {
    const { inFlight, logins } = this.#limits;
    const counts = this.#counts;
    if (counts.of("namespace", namespace) >= part(inFlight, 2)) return false;
    if (kind === "login") {
      return counts.of("login") < logins && counts.of("login namespace", namespace) < part(logins, 2);
    }
    return (
      kind === "read" ||
      (counts.of("create") < part(inFlight, 2) &&
        counts.of("create namespace", namespace) < part(inFlight, 4) &&
        counts.of("create engine", engine) < part(inFlight, 4))
    );
  };

  #makeRoom(): void {
    const next = this.#queue.next(this.#admits);
    if (!next) return;
    const now = this.#clock.monotonic();
    const slow = [...this.#running].find(
      (running) => !running.isCut && now - running.startedAt >= slowMs && this.#givesWay(running.slot, next),
    );
    if (!slow) return this.#lookAgain();
    slow.isCut = true;
    slow.abort.abort(new ProviderError("unavailable", "cut off for others"));
  }

  #givesWay(slot: Slot, to: Slot): boolean {
    if (slot.kind === "create") return false;
    const namespaces = new Set([...this.#queue.namespaces(), ...[...this.#running].map((one) => one.slot.namespace)]);
    const evenShare = Math.max(1, Math.floor(this.#limits.inFlight / namespaces.size));
    const byNamespace = slot.namespace !== to.namespace && this.#counts.of("namespace", slot.namespace) > evenShare;
    const byEngine =
      slot.engine !== to.engine && this.#counts.of("engine", slot.engine) > part(this.#limits.inFlight, 2);
    return byNamespace || byEngine;
  }

  #lookAgain(): void {
    if (this.#looksAgain) return;
    this.#looksAgain = true;
    const look = () => {
      this.#looksAgain = false;
      this.#startNext();
    };
    void this.#clock.sleep(slowMs, forever).then(look);
  }
}

const forever = new AbortController().signal;

/** How many of those that run are of a namespace, an engine, a kind. */
class Counts {
  readonly #counts = new Map<string, number>();
  total = 0;

  of(what: string, name = ""): number {
    return this.#counts.get(`${what} ${name}`) ?? 0;
  }

  add({ namespace, engine, kind }: Slot, change: 1 | -1): void {
    this.total += change;
    this.#add("namespace", namespace, change);
    this.#add("engine", engine, change);
    if (kind === "read") return;
    this.#add(kind, "", change);
    this.#add(`${kind} namespace`, namespace, change);
    this.#add(`${kind} engine`, engine, change);
  }

  #add(what: string, name: string, change: number): void {
    const count = this.of(what, name) + change;
    if (count === 0) this.#counts.delete(`${what} ${name}`);
    else this.#counts.set(`${what} ${name}`, count);
  }
}

/** At least one. */
function part(whole: number, divisor: number): number {
  return Math.max(1, Math.ceil(whole / divisor));
}

function tooMany(): ProviderError {
  return new ProviderError(
    "limit_exceeded",
    "too many requests wait for Vault, most of them of this namespace; the next Mount tries again",
  );
}
