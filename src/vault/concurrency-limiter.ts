import type { ConnectionLimits } from "../config/connection.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { FairQueue, type Waiting } from "../shared/fair-queue.js";
import { LeanAbortController } from "../shared/lean-abort-controller.js";
import { LoginPace } from "./login-pace.js";
import { PodTurns } from "./pod-turns.js";
import { RequestSpacing } from "./request-spacing.js";
import { type Priority, priorities } from "./vault-client.js";

/** One request, as far as its place among others goes. */
export interface Slot {
  /** Kubernetes namespace. */
  namespace: string;
  /** As the caller's. */
  pod?: string;
  priority: Priority;
  engine: string;
  /** What creates something cannot be cut off without losing it, so fewer of those may run at once. */
  kind: "read" | "login" | "create";
}

/** One request from its arrival to its end. */
class Turn implements Waiting {
  readonly slot: Slot;
  readonly tenant: string;
  readonly rank: number;
  readonly weight = 1;
  readonly ending = new LeanAbortController();
  readonly begun: Promise<void>;
  begin!: () => void;
  refuse!: (reason: unknown) => void;
  startedAt = Infinity;
  /** How many ran then, this one among them. */
  beside = 1;

  constructor(slot: Slot) {
    this.slot = slot;
    this.tenant = slot.namespace;
    this.rank = priorities.indexOf(slot.priority);
    this.begun = new Promise((begin, refuse) => {
      this.begin = begin;
      this.refuse = refuse;
    });
  }
}

/** More than all pods of a node ask for at once (250 pods, ten objects each, would be about this many). */
const queueCapacity = 2_048;
/** From then on a request gives way to others, unless all take as long. */
const slowMs = 1_000;
/** Where requests are spaced, a Vault at its limit answers one of them late without being any slower for all. */
const slowWhileSpacedMs = 5_000;
/** Requests that ended last, by which slow is told from busy. */
const compared = 16;

/**
 * Bounds what runs at once on one connection: the urgent first, each namespace in its turn. No namespace has more than
 * half of the slots, or three quarters while no other has one, and what creates something no more than half of them together,
 * a quarter for one namespace or one engine. Logins at one auth mount are as many as it answers quickly (`LoginPace`). Where
 * all slots are taken, a request that has been slow is cut off for another that waits, if its namespace has two slots more
 * than the other's, or its engine more than half of all: so neither a tenant nor an engine that hangs holds up the others.
 * Where Vault is slow for all, it is busy, and what is cut off would only be asked again: then slow is twice the fastest of
 * late, and requests are spaced (`RequestSpacing`).
 */
export class ConcurrencyLimiter {
  readonly #limits: Pick<ConnectionLimits, "inFlight" | "logins">;
  readonly #clock: Clock;
  readonly #queue: FairQueue<Turn>;
  readonly #pace: LoginPace;
  readonly #running = new Set<Turn>();
  /** How many of them a namespace has: asked for each request that waits, whenever one ends. */
  readonly #runningOf = new Map<string, number>();
  /** Milliseconds that the latest took, those cut off not counted. */
  readonly #took: number[] = [];
  readonly #spacing = new RequestSpacing();
  readonly #podTurns = new PodTurns();
  /** The one that began last. */
  #latest: Turn | undefined;
  #looksAgainAt = Infinity;

  constructor(limits: Pick<ConnectionLimits, "inFlight" | "logins">, clock: Clock, capacity = queueCapacity) {
    this.#limits = limits;
    this.#clock = clock;
    this.#queue = new FairQueue({ weight: capacity });
    this.#pace = new LoginPace(limits.logins);
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
    signal.throwIfAborted();
    const turn = new Turn(slot);
    const abort = () => {
      this.#queue.remove(turn);
      turn.refuse(signal.reason);
      turn.ending.abort(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    for (const left of this.#queue.add(turn)) left.refuse(tooMany());
    this.#startNext();
    try {
      await turn.begun;
      return await work(turn.ending.signal);
    } catch (reason) {
      if (turn.ending.signal.aborted && !signal.aborted) return cut();
      throw reason;
    } finally {
      signal.removeEventListener("abort", abort);
      if (this.#running.delete(turn)) this.#ended(turn);
    }
  }

  #ended({ slot, tenant, startedAt, beside, ending }: Turn): void {
    this.#countOf(tenant, -1);
    const now = this.#clock.monotonic();
    const ms = now - startedAt;
    if (slot.kind === "login") this.#pace.took(slot.engine, ms);
    if (!ending.signal.aborted) {
      if (this.#took.push(ms) > compared) this.#took.shift();
      const running = Math.max(beside, this.#running.size + 1);
      // A credential's creation waits for a database or a cloud.
      if (slot.kind !== "create") this.#spacing.answered({ namespace: tenant, ms }, running, now);
    }
    this.#startNext();
  }

  #startNext(): void {
    while (this.#running.size < this.#limits.inFlight) {
      const now = this.#clock.monotonic();
      const gapMs = this.#spacing.gapAt(now);
      const waitMs = gapMs - (now - (this.#latest?.startedAt ?? -Infinity));
      if (waitMs > 0) return this.#lookAgain(waitMs);
      if (gapMs === 0) this.#podTurns.clear();
      const next = (gapMs > 0 && this.#queue.take(this.#isOfLatestPod)) || this.#queue.take(this.#admits);
      if (!next) return;
      this.#start(next);
      if (gapMs > 0 && next.slot.pod !== undefined) this.#podTurns.add(next.slot.pod, now);
    }
    if (this.#queue.size > 0) this.#makeRoom();
  }

  #start(turn: Turn): void {
    turn.startedAt = this.#clock.monotonic();
    this.#running.add(turn);
    turn.beside = this.#running.size;
    this.#latest = turn;
    this.#countOf(turn.tenant, 1);
    this.#queue.charge(turn.tenant, 1);
    turn.begin();
  }

  /** Apart from there being a slot at all. */
  readonly #admits = ({ slot: { namespace, engine, kind } }: Turn): boolean => {
    const { inFlight, logins } = this.#limits;
    const isAlone = this.#running.size === this.#has(namespace);
    if (this.#has(namespace) >= Math.max(part(inFlight, 2), isAlone ? Math.floor(inFlight * 0.75) : 0)) return false;
    if (kind === "read") return true;
    const own = (slot: Slot) => slot.namespace === namespace;
    const alike = (slot: Slot) => slot.kind === kind;
    const most = kind === "login" ? logins : part(inFlight, 2);
    const mostOfEngine = kind === "login" ? this.#pace.at(engine) : part(most, 2);
    if (this.#count(alike) >= most || this.#count((slot) => alike(slot) && own(slot)) >= part(most, 2)) return false;
    return this.#count((slot) => alike(slot) && slot.engine === engine) < mostOfEngine;
  };

  /** Spaced, the requests of one Mount come together: those of many that take turns would all be too late. */
  readonly #isOfLatestPod = (turn: Turn): boolean =>
    turn.slot.pod !== undefined &&
    turn.slot.pod === this.#latest?.slot.pod &&
    turn.rank === this.#latest.rank &&
    this.#podTurns.goesOn(turn.slot.pod, this.#clock.monotonic()) &&
    this.#admits(turn);

  #has(namespace: string): number {
    return this.#runningOf.get(namespace) ?? 0;
  }

  #countOf(namespace: string, more: 1 | -1): void {
    const count = this.#has(namespace) + more;
    if (count > 0) this.#runningOf.set(namespace, count);
    else this.#runningOf.delete(namespace);
  }

  #count(are: (slot: Slot) => boolean): number {
    let count = 0;
    for (const { slot } of this.#running) if (are(slot)) count += 1;
    return count;
  }

  /** Cuts one slow request off for the first that may have its slot; looks again later where there is none. */
  #makeRoom(): void {
    const [oldest] = this.#running; // In the order of their beginnings.
    const now = this.#clock.monotonic();
    if (now - oldest!.startedAt < slowMs) return this.#lookAgain(slowMs);
    const usualMs = this.#took.length === 0 ? 0 : Math.min(...this.#took);
    const slowSince = now - Math.max(this.#spacing.gapAt(now) > 0 ? slowWhileSpacedMs : slowMs, 2 * usualMs);
    const isSlow = ({ slot, startedAt, ending }: Turn) =>
      startedAt <= slowSince && slot.kind !== "create" && !ending.signal.aborted;
    const slow = [...this.#running].filter(isSlow);
    const hasToYield = (turn: Turn) => slow.find((one) => this.#yields(one.slot, turn.slot));
    const next = slow.length > 0 && this.#queue.take((turn) => this.#admits(turn) && hasToYield(turn) !== undefined);
    if (!next) return this.#lookAgain(slowMs);
    hasToYield(next)!.ending.abort(new ProviderError("unavailable", "cut off for others"));
    this.#start(next);
  }

  #yields({ namespace, engine }: Slot, waiting: Slot): boolean {
    if (this.#has(namespace) >= this.#has(waiting.namespace) + 2) return true;
    return engine !== waiting.engine && this.#count((slot) => slot.engine === engine) > part(this.#limits.inFlight, 2);
  }

  #lookAgain(inMs: number): void {
    const at = this.#clock.monotonic() + inMs;
    if (at >= this.#looksAgainAt) return;
    this.#looksAgainAt = at;
    this.#clock.timer(inMs, () => {
      if (this.#looksAgainAt === at) this.#looksAgainAt = Infinity;
      this.#startNext();
    });
  }
}

/** At least one. */
function part(whole: number, divisor: number): number {
  return Math.ceil(whole / divisor);
}

function tooMany(): ProviderError {
  return new ProviderError(
    "limit_exceeded",
    "too many requests wait for Vault, most of them of this namespace; the next Mount tries again",
  );
}
