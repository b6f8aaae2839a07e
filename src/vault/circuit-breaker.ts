import { LruCache } from "../shared/lru-cache.js";
import type { Random } from "../shared/random.js";
import { Cooldown } from "./cooldown.js";
import type { VaultError } from "./vault-error.js";

/** What is asked for whom: failures count together by its parts. */
export interface CircuitTarget {
  /** Kubernetes namespace: what one asks, and sees fail, says nothing to the others. */
  namespace: string;
  vaultNamespace: string;
  /** `database`, `auth/kubernetes`. */
  engine: string;
  /** `database/creds/app`. */
  path: string;
}

/** A path, or an engine, that failed the last time it was asked. */
interface Circuit {
  /** In a row, as many as open it: each request of a path, and each path of an engine. */
  readonly failures: Set<string | symbol>;
  /** Begins when the circuit opens; when it is over, one request finds out whether all is well again (half-open). */
  readonly cooldown: Cooldown;
  probing: boolean;
}

/** So many failures in a row open a path's circuit; so many paths that fail in a row, their engine's. */
const threshold = 3;
const shortestMs = 1_000;
const longestMs = 30_000;
/** Those remembered at once; what was not asked for longest is forgotten first, which costs a few early requests. */
const capacity = 1_024;

/**
 * Spares callers and Vault requests that will fail: a path or an engine that failed repeatedly gets no
 * request for a while, and then a single probe. Counts by Kubernetes namespace: no tenant can cause failures that are
 * held against another's requests. Decisions only; no IO, and times are parameters.
 */
export class CircuitBreaker {
  readonly #random: Random;
  readonly #circuits = new LruCache<Circuit>(capacity);
  readonly #slowPaths = new LruCache<true>(capacity);

  constructor(random: Random) {
    this.#random = random;
  }

  /** How many are open: not asked at the moment, or by one probe alone. */
  openCount(now: number): number {
    return [...this.#circuits.values()].filter((circuit) => isOpen(circuit, now)).length;
  }

  /** Why this is not asked now; `undefined` where it may be. */
  refusal(target: CircuitTarget, now: number): VaultError | undefined {
    return this.#of(target)
      .find((circuit) => isOpen(circuit, now))
      ?.cooldown.refusal(now);
  }

  /** The same, for a request that is sent now where it may be; one of `succeeded`, `failed` and `undecided` must follow. */
  admit(target: CircuitTarget, now: number): VaultError | undefined {
    const refusal = this.refusal(target, now);
    if (!refusal) for (const circuit of this.#of(target)) circuit.probing = circuit.failures.size >= threshold;
    return refusal;
  }

  /** Whether the path once gave no answer in time: what is slow by nature gets all the time there is. */
  timedOut(target: CircuitTarget): boolean {
    return this.#slowPaths.size > 0 && this.#slowPaths.get(keysOf(target)[0]) === true;
  }

  succeeded(target: CircuitTarget): void {
    if (this.#circuits.size === 0) return;
    for (const key of keysOf(target)) this.#circuits.delete(key);
  }

  failed(target: CircuitTarget, error: VaultError, timedOut: boolean, now: number): void {
    const [path, engine] = keysOf(target);
    if (timedOut) this.#slowPaths.set(path, true, 1);
    this.#failedOnce(path, Symbol(), error, now);
    this.#failedOnce(engine, target.path, error, now);
  }

  /** It was given up: that tells nothing. */
  undecided(target: CircuitTarget): void {
    for (const circuit of this.#of(target)) circuit.probing = false;
  }

  #of(target: CircuitTarget): Circuit[] {
    if (this.#circuits.size === 0) return [];
    return keysOf(target).flatMap((key) => this.#circuits.get(key) ?? []);
  }

  #failedOnce(key: string, failure: string | symbol, error: VaultError, now: number): void {
    const cooldown = () => new Cooldown(this.#random, shortestMs);
    const circuit = this.#circuits.get(key) ?? { failures: new Set(), cooldown: cooldown(), probing: false };
    this.#circuits.set(key, circuit, 1);
    circuit.probing = false;
    if (circuit.failures.size < threshold) circuit.failures.add(failure);
    if (circuit.failures.size >= threshold) circuit.cooldown.begin(error, longestMs, now);
  }
}

function isOpen({ cooldown, probing }: Circuit, now: number): boolean {
  return probing || cooldown.leftMs(now) > 0;
}

function keysOf({ namespace, vaultNamespace, engine, path }: CircuitTarget): [path: string, engine: string] {
  return [JSON.stringify([namespace, vaultNamespace, "", path]), JSON.stringify([namespace, vaultNamespace, engine])];
}
