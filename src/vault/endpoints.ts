import type { Random } from "../shared/random.js";
import type { Answered } from "./node-client.js";
import { Cooldown } from "./cooldown.js";
import { VaultError } from "./vault-error.js";

/** One address of a connection, and what is known of it. */
export interface Endpoint {
  readonly origin: string;
  /** Whether it has told its health, and of which cluster it is, since it last failed. */
  identified: boolean;
  /** While it lasts, nothing is asked of it. */
  readonly cooldown: Cooldown;
  /** When it last answered anything but for its health (`Clock.monotonic()`). */
  answeredAt?: number;
  /** What it last said of its health. */
  lastHealth?: Answered;
}

/** After a first failure; twice as long after each other. */
const firstRestMs = 250;
const longestRestMs = 5_000;
/** For a node that answers, and will soon have a leader. */
const longestAnsweringRestMs = 1_000;

/**
 * The addresses of one connection: which are in use, and which rest after failures. The choice is sticky: the one that
 * answered last is used next, until it fails. One that failed rests for a while, and must pass a health check before any other
 * request. Decisions only; no IO, and times are parameters.
 */
export class Endpoints {
  readonly #connection: string;
  readonly #all: readonly Endpoint[];
  #preferred = 0;
  #cluster: { id: string; namedBy: Endpoint } | undefined;

  constructor(connection: string, origins: readonly string[], random: Random) {
    this.#connection = connection;
    this.#all = origins.map((origin) => ({
      origin,
      identified: false,
      cooldown: new Cooldown(random, firstRestMs),
    }));
  }

  get preferred(): string {
    return this.#all[this.#preferred]!.origin;
  }

  /**
   * The one to ask: the requested one, unless it was tried, else the preferred, else the next that is well; those tried in
   * this call come last: a leader that cannot be told apart from standbys at its host is found among them.
   * When all rest, the last failure of the preferred one.
   */
  choose(
    tried: ReadonlySet<string>,
    requested: string | undefined,
    now: number,
  ): { endpoint: Endpoint } | { error: VaultError } {
    const inOrder = [...this.#all.slice(this.#preferred), ...this.#all.slice(0, this.#preferred)];
    const available = inOrder.filter(({ cooldown }) => cooldown.leftMs(now) === 0);
    const chosen =
      available.find(({ origin }) => origin === requested && !tried.has(origin)) ??
      available.find(({ origin }) => !tried.has(origin)) ??
      available[0];
    return chosen ? { endpoint: chosen } : { error: inOrder[0]!.cooldown.refusal(now) };
  }

  /** Whether a call that has tried these may find another that is well. */
  hasOthers(tried: ReadonlySet<string>, now: number): boolean {
    return this.#all.some(({ origin, cooldown }) => !tried.has(origin) && cooldown.leftMs(now) === 0);
  }

  /** Milliseconds until one may be asked; 0 where one may be now. */
  shortestRestMs(now: number): number {
    return Math.min(...this.#all.map(({ cooldown }) => cooldown.leftMs(now)));
  }

  succeeded(endpoint: Endpoint): void {
    endpoint.cooldown.end();
    this.#preferred = this.#all.indexOf(endpoint);
  }

  failed(endpoint: Endpoint, error: VaultError, now: number): void {
    endpoint.identified = false;
    delete endpoint.lastHealth;
    endpoint.cooldown.begin(error, error.status === undefined ? longestRestMs : longestAnsweringRestMs, now);
    this.avoid(endpoint);
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
