import type { Random } from "../shared/random.js";
import { VaultError } from "./vault-error.js";

/** One address of a connection, and what we have learnt of it. */
export interface Node {
  readonly origin: string;
  /** Whether it has said which cluster it is of since it last failed. */
  identified: boolean;
  failures: number;
  /** How often it has rested since it was last well. */
  rests: number;
  /** While the time is before this, nothing is asked of it. */
  restsUntil: number;
  /** One request is finding out whether it is well again. */
  probed: boolean;
  lastError?: VaultError;
}

/** So many failures in a row and a node rests, so that hundreds of Mounts do not each wait for its timeouts. */
const patience = 5;
const shortestRestMs = 1_000;
const longestRestMs = 5_000;

/**
 * The nodes of one connection: which to ask, which rest. The choice is sticky: the node that answered last is asked
 * next, until it fails. Decisions only; no IO, time is told.
 */
export class Nodes {
  readonly #connection: string;
  readonly #random: Random;
  readonly #nodes: readonly Node[];
  #preferred = 0;
  #cluster: { id: string; namedBy: Node } | undefined;

  constructor(connection: string, origins: readonly string[], random: Random) {
    this.#connection = connection;
    this.#random = random;
    this.#nodes = origins.map((origin) => ({
      origin,
      identified: false,
      failures: 0,
      rests: 0,
      restsUntil: 0,
      probed: false,
    }));
  }

  get preferred(): string {
    return this.#nodes[this.#preferred]!.origin;
  }

  /**
   * The node to ask: the wished one, else the preferred, else the next that is well; those tried in this call come
   * last. When all rest, the last failure of the preferred one.
   */
  choose(tried: ReadonlySet<string>, wished: string | undefined, now: number): { node: Node } | { error: VaultError } {
    const inOrder = [...this.#nodes.slice(this.#preferred), ...this.#nodes.slice(0, this.#preferred)];
    const awake = inOrder.filter((node) => now >= node.restsUntil && !(node.failures >= patience && node.probed));
    const chosen =
      awake.find((node) => node.origin === wished) ?? awake.find((node) => !tried.has(node.origin)) ?? awake[0];
    if (!chosen) return { error: resting(inOrder[0]!, now) };
    if (chosen.failures >= patience) chosen.probed = true;
    return { node: chosen };
  }

  /** Whether a call that has tried these may find another node that is well. */
  hasOthers(tried: ReadonlySet<string>, now: number): boolean {
    return this.#nodes.some((node) => !tried.has(node.origin) && now >= node.restsUntil);
  }

  succeeded(node: Node): void {
    node.failures = 0;
    node.rests = 0;
    node.probed = false;
    delete node.lastError;
    this.#preferred = this.#nodes.indexOf(node);
  }

  /** A failure that is not the node's (a refusal, an abort) tells nothing of its health. */
  undecided(node: Node): void {
    node.probed = false;
  }

  failed(node: Node, error: VaultError, now: number): void {
    node.failures += 1;
    node.probed = false;
    node.identified = false;
    node.lastError = error;
    const rests = now < node.restsUntil; // What was under way when it began to rest does not make it rest longer.
    if (node.failures >= patience && error.kind !== "sealed" && !rests) this.#rest(node, error, now);
    if (this.#nodes[this.#preferred] === node) this.#preferred = (this.#preferred + 1) % this.#nodes.length;
  }

  /** Longer each time where no answer came at all; a node that says it has no leader will soon have one. */
  #rest(node: Node, { status }: VaultError, now: number): void {
    const longest = status === undefined ? longestRestMs : shortestRestMs;
    node.restsUntil = now + Math.min(longest, shortestRestMs * 2 ** node.rests) * (0.75 + 0.5 * this.#random());
    node.rests += 1;
  }

  /**
   * Takes note of the cluster a node says it is of; `undefined` when it does not tell (an Agent, a sealed node). The
   * first to tell names the connection's cluster, and may rename it (a Vault made anew); every other must agree, or the
   * error says so.
   */
  identify(node: Node, clusterId: string | undefined): VaultError | undefined {
    if (clusterId !== undefined) {
      if (!this.#cluster || this.#cluster.namedBy === node) this.#cluster = { id: clusterId, namedBy: node };
      if (this.#cluster.id !== clusterId) return this.#foreign(node, this.#cluster.namedBy);
    }
    node.identified = true;
    return undefined;
  }

  #foreign(node: Node, namedBy: Node): VaultError {
    return new VaultError(
      "configuration",
      `${node.origin} is of another cluster than ${namedBy.origin}; the connection ${this.#connection} may list nodes of one cluster only`,
    );
  }
}

function resting({ lastError, restsUntil }: Node, now: number): VaultError {
  const seconds = Math.max(1, Math.ceil((restsUntil - now) / 1000));
  const message = lastError?.message ?? "no node of the connection answers";
  return new VaultError(lastError?.kind ?? "outage", `${message}; it is asked again in ${seconds} s`);
}
