import type { ConnectionLimits } from "../config/connection.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { Allowance, type Strain } from "./allowance.js";
import { TurnQueue, type Waiting } from "./turn-queue.js";

/** More than all pods of a node ask for at once (250 pods, ten objects each, would be about this many). */
const queueCapacity = 2_048;

interface Waiter extends Waiting {
  start(): void;
  refuse(reason: ProviderError): void;
}

/** Lets only so many requests of a connection run at once, the urgent first, each namespace in its turn. */
export class Governor {
  readonly #limits: Pick<ConnectionLimits, "inFlight" | "logins">;
  readonly #clock: Clock;
  readonly #queue: TurnQueue<Waiter>;
  readonly #allowance: Allowance;
  #inFlight = 0;
  #logins = 0;

  constructor(limits: Pick<ConnectionLimits, "inFlight" | "logins">, clock: Clock, capacity = queueCapacity) {
    this.#limits = limits;
    this.#clock = clock;
    this.#queue = new TurnQueue(capacity);
    this.#allowance = new Allowance(limits.inFlight);
  }

  /** For gauges. */
  get load(): { inFlight: number; allowed: number; waiting: number } {
    return { inFlight: this.#inFlight, allowed: this.#allowance.allowed, waiting: this.#queue.size };
  }

  /**
   * Runs `work` when its turn has come; `strain` tells from what it gave, and the milliseconds it took, how the server
   * bears it. Throws `limit_exceeded` when too many wait, or the signal's reason when it aborts before the turn.
   */
  async run<T>(
    who: Waiting,
    work: () => Promise<T>,
    strain: (outcome: T, ms: number) => Strain,
    signal: AbortSignal,
  ): Promise<T> {
    await this.#turn(who, signal);
    const started = this.#clock.monotonic();
    try {
      const outcome = await work();
      const now = this.#clock.monotonic();
      this.#allowance.note(strain(outcome, now - started), now);
      return outcome;
    } finally {
      this.#inFlight -= 1;
      if (who.isLogin) this.#logins -= 1;
      this.#startNext();
    }
  }

  #turn(who: Waiting, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const leave = () => signal.removeEventListener("abort", abort);
      const waiter: Waiter = {
        ...who,
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
    while (this.#inFlight < this.#allowance.allowed) {
      const next = this.#queue.take(this.#logins < this.#limits.logins);
      if (!next) return;
      this.#inFlight += 1;
      if (next.isLogin) this.#logins += 1;
      next.start();
    }
  }
}

function tooMany(): ProviderError {
  return new ProviderError(
    "limit_exceeded",
    "too many requests wait for Vault, most of them of this namespace; the next Mount tries again",
  );
}
