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
 * two slots more than the other's, or its engine more than half of all: so neither a tenant nor an engine that hangs
 * holds up the others.
 */
export class ConcurrencyLimiter {
  readonly #limits: Pick<ConnectionLimits, "inFlight" | "logins">;
  readonly #clock: Clock;
  readonly #queue: FairQueue<Waiter>;
  readonly #running = new Set<Running>();
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
    const running = await this.#turn(slot, signal);
    const follow = () => running.abort.abort(signal.reason);
    if (signal.aborted) follow();
    else signal.addEventListener("abort", follow, { once: true });
    try {
      return await work(running.abort.signal);
    } catch (reason) {
      if (running.isCut && !signal.aborted) return cut();
      throw reason;
    } finally {
      signal.removeEventListener("abort", follow);
      this.#running.delete(running);
      this.#startNext();
    }
  }

  #turn(slot: Slot, signal: AbortSignal): Promise<Running> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const leave = () => signal.removeEventListener("abort", abort);
      const waiter: Waiter = {
        ...slot,
        lane: `${slot.kind} ${slot.engine}`,
        start: () => (leave(), resolve(this.#start(slot))),
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

  #start(slot: Slot): Running {
    const running = { slot, startedAt: this.#clock.monotonic(), abort: new AbortController(), isCut: false };
    this.#running.add(running);
    return running;
  }

  #startNext(): void {
    while (this.#running.size < this.#limits.inFlight) {
      const next = this.#queue.take(this.#admits);
      if (!next) return;
      next.start();
    }
    this.#makeRoom();
  }

  /** Apart from there being a slot at all. */
  readonly #admits = ({ namespace, engine, kind }: Slot): boolean => {
    const { inFlight, logins } = this.#limits;
    const own = (slot: Slot) => slot.namespace === namespace;
    const alike = (slot: Slot) => slot.kind === kind;
    if (this.#count(own) >= part(inFlight, 2)) return false;
    if (kind === "read") return true;
    const most = kind === "login" ? logins : part(inFlight, 2);
    if (this.#count(alike) >= most || this.#count((slot) => alike(slot) && own(slot)) >= part(most, 2)) return false;
    return kind === "login" || this.#count((slot) => alike(slot) && slot.engine === engine) < part(most, 2);
  };

  #count(are: (slot: Slot) => boolean): number {
    let count = 0;
    for (const { slot } of this.#running) if (are(slot)) count += 1;
    return count;
  }

  #makeRoom(): void {
    if (this.#queue.size === 0) return;
    const running = [...this.#running];
    const slowSince = this.#clock.monotonic() - slowMs;
    if (!running.some(({ startedAt }) => startedAt <= slowSince)) return this.#lookAgain();
    const has = (namespace: string) => this.#count((slot) => slot.namespace === namespace);
    const most = Math.max(...running.map(({ slot }) => has(slot.namespace)));
    const isHog = (engine: string) => this.#count((slot) => slot.engine === engine) > part(this.#limits.inFlight, 2);
    const hog = running.find(({ slot }) => isHog(slot.engine))?.slot.engine;
    const isOfOthers = ({ engine }: Slot) => hog !== undefined && engine !== hog;
    const next = this.#queue.next(
      (slot) => this.#admits(slot) && (isOfOthers(slot) || most >= has(slot.namespace) + 2),
    );
    if (!next) return;
    const givesWay = ({ namespace, engine, kind }: Slot) =>
      kind !== "create" && (has(namespace) >= has(next.namespace) + 2 || (engine === hog && isOfOthers(next)));
    const slow = running.find(({ slot, startedAt, isCut }) => !isCut && startedAt <= slowSince && givesWay(slot));
    if (!slow) return this.#lookAgain();
    slow.isCut = true;
    slow.abort.abort(new ProviderError("unavailable", "cut off for others"));
    this.#queue.remove(next);
    next.start();
  }

  #lookAgain(): void {
    if (this.#looksAgain) return;
    this.#looksAgain = true;
    void this.#clock.sleep(slowMs, forever).then(() => {
      this.#looksAgain = false;
      this.#startNext();
    });
  }
}

const forever = new AbortController().signal;

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
