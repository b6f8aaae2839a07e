import type { Random } from "../shared/random.js";
import type { Answered } from "./node-client.js";
import { VaultError } from "./vault-error.js";

/** One address of a connection, and what is known of it. */
export interface Endpoint {
  readonly origin: string;
  /** Whether it has told its health, and of which cluster it is, since it last failed. */
  identified: boolean;
  /** How often it has failed since it was last well. */
  failures: number;
  /** While the time is before this, nothing is asked of it. */
  restsUntil: number;
  lastError?: VaultError;
  /** What it last said of its health. */
  lastHealth?: Answered;
}

/** After a first failure; twice as long after each other. */
const shortestRestMs = 250;
const longestRestMs = 5_000;
/** For a node that answers, and will soon have a leader. */
const longestAnsweringRestMs = 1_000;

/**
 * The addresses of one connection: which to ask, which rest. The choice is sticky: the one that answered last is asked
 * next, until it fails. One that failed rests, and tells its health before it is asked anything else. Decisions only; no
 * IO, time is told.
 */
export class Endpoints {
  readonly #connection: string;
  readonly #random: Random;
  readonly #all: readonly Endpoint[];
  #preferred = 0;
  #cluster: { id: string; namedBy: Endpoint } | undefined;

  constructor(connection: string, origins: readonly string[], random: Random) {
    this.#connection = connection;
    this.#random = random;
    this.#all = origins.map((origin) => ({ origin, identified: false, failures: 0, restsUntil: 0 }));
  }

  get preferred(): string {
    return this.#all[this.#preferred]!.origin;
  }

  /**
   * The one to ask: the requested one, else the preferred, else the next that is well; those tried in this call come last.
   * When all rest, the last failure of the preferred one.
   */
  choose(
    tried: ReadonlySet<string>,
    requested: string | undefined,
    now: number,
  ): { endpoint: Endpoint } | { error: VaultError } {
    const inOrder = [...this.#all.slice(this.#preferred), ...this.#all.slice(0, this.#preferred)];
    const awake = inOrder.filter(({ restsUntil }) => now >= restsUntil);
    const chosen =
      awake.find(({ origin }) => origin === requested) ?? awake.find(({ origin }) => !tried.has(origin)) ?? awake[0];
    return chosen ? { endpoint: chosen } : { error: resting(inOrder[0]!, now) };
  }

  /** Whether a call that has tried these may find another that is well. */
  hasOthers(tried: ReadonlySet<string>, now: number): boolean {
    return this.#all.some(({ origin, restsUntil }) => !tried.has(origin) && now >= restsUntil);
  }

  /** Milliseconds until one may be asked. */
  restMs(now: number): number {
    return Math.max(0, Math.min(...this.#all.map(({ restsUntil }) => restsUntil)) - now);
  }

  succeeded(endpoint: Endpoint): void {
    endpoint.failures = 0;
    delete endpoint.lastError;
    this.#preferred = this.#all.indexOf(endpoint);
  }

  failed(endpoint: Endpoint, error: VaultError, now: number): void {
    endpoint.identified = false;
    delete endpoint.lastHealth;
    endpoint.lastError = error;
    this.avoid(endpoint);
    if (now < endpoint.restsUntil) return; // What was under way when it began to rest does not make it rest longer.
    const longest = error.status === undefined ? longestRestMs : longestAnsweringRestMs;
    const ms = Math.min(longest, shortestRestMs * 2 ** endpoint.failures);
    endpoint.restsUntil = now + ms * (0.75 + 0.5 * this.#random());
    endpoint.failures += 1;
  }

  /** The next one is better asked; this one is well. */
  avoid(endpoint: Endpoint): void {
    if (this.#all[this.#preferred] === endpoint) this.#preferred = (this.#preferred + 1) % this.#all.length;
  }

  /**
   * Takes note of the cluster a node says it is of; `undefined` when it does not tell (an Agent, a sealed node). The
   * first to tell names the connection's cluster, and may rename it (a Vault made anew); every other must agree, or the
   * error says so.
   */
  identify(endpoint: Endpoint, clusterId: string | undefined): VaultError | undefined {
    if (clusterId !== undefined) {
      if (!this.#cluster || this.#cluster.namedBy === endpoint) this.#cluster = { id: clusterId, namedBy: endpoint };
      if (this.#cluster.id !== clusterId) return this.#foreign(endpoint, this.#cluster.namedBy);
    }
    endpoint.identified = true;
    return undefined;
  }

  #foreign({ origin }: Endpoint, namedBy: Endpoint): VaultError {
    return new VaultError(
      "configuration",
      `${origin} is of another cluster than ${namedBy.origin}; the connection ${this.#connection} may list nodes of one cluster only`,
    );
  }
}

function resting({ lastError, restsUntil }: Endpoint, now: number): VaultError {
  const seconds = Math.max(1, Math.ceil((restsUntil - now) / 1000));
  const message = lastError?.message ?? "no node of the connection answers";
  return new VaultError(lastError?.kind ?? "outage", `${message}; it is asked again in ${seconds} s`);
}
