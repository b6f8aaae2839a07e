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
  openUntil: number;
  lastError?: VaultError;
  /** What it last said of its health. */
  lastHealth?: Answered;
}

/** After a first failure; twice as long after each other. */
const shortestOpenMs = 250;
const longestOpenMs = 5_000;
/** For a node that answers, and will soon have a leader. */
const longestAnsweringOpenMs = 1_000;

/**
 * The addresses of one connection: which are in use, and which are open after failures. The choice is sticky: the one that answered last is used
 * next, until it fails. One that failed is open for a while, and must pass a health check before any other request. Decisions only; no
 * IO, and times are parameters.
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
    this.#all = origins.map((origin) => ({ origin, identified: false, failures: 0, openUntil: 0 }));
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
    const available = inOrder.filter(({ openUntil }) => now >= openUntil);
    const chosen =
      available.find(({ origin }) => origin === requested) ??
      available.find(({ origin }) => !tried.has(origin)) ??
      available[0];
    return chosen ? { endpoint: chosen } : { error: openError(inOrder[0]!, now) };
  }

  /** Whether a call that has tried these may find another that is well. */
  hasOthers(tried: ReadonlySet<string>, now: number): boolean {
    return this.#all.some(({ origin, openUntil }) => !tried.has(origin) && now >= openUntil);
  }

  /** Milliseconds until one may be asked. */
  openMs(now: number): number {
    return Math.max(0, Math.min(...this.#all.map(({ openUntil }) => openUntil)) - now);
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
    if (now < endpoint.openUntil) return; // Requests under way when the circuit opened do not keep it open longer.
    const longest = error.status === undefined ? longestOpenMs : longestAnsweringOpenMs;
    const ms = Math.min(longest, shortestOpenMs * 2 ** endpoint.failures);
    endpoint.openUntil = now + ms * (0.75 + 0.5 * this.#random());
    endpoint.failures += 1;
  }

  /** The next one is better asked; this one is well. */
  avoid(endpoint: Endpoint): void {
    if (this.#all[this.#preferred] === endpoint) this.#preferred = (this.#preferred + 1) % this.#all.length;
  }

  /**
   * Records the cluster that a node belongs to; `undefined` when it does not say (an Agent, a sealed node). The
   * first to say names the connection's cluster, and may rename it (a recreated Vault); every other must agree, or the
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

function openError({ lastError, openUntil }: Endpoint, now: number): VaultError {
  const seconds = Math.max(1, Math.ceil((openUntil - now) / 1000));
  const message = lastError?.message ?? "no node of the connection answers";
  return new VaultError(lastError?.kind ?? "outage", `${message}; it is asked again in ${seconds} s`);
}
