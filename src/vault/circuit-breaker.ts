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
  /** In a row. */
  failures: number;
  /** An engine's: the paths that failed in a row, as many as it takes. */
  paths: Set<string>;
  /** Once it has begun the circuit is open, and half-open when it is over: one request finds out whether all is well again. */
  cooldown: Cooldown;
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

  /** How many are not asked at the moment, or by one request alone. */
  open(now: number): number {
    return [...this.#circuits.values()].filter((circuit) => isClosedTo(circuit, now)).length;
  }

  /** Why this is not asked now; `undefined` where it may be. */
  refusal(target: CircuitTarget, now: number): VaultError | undefined {
    return this.#of(target)
      .find((circuit) => isClosedTo(circuit, now))
      ?.cooldown.refusal(now);
  }

  /** The same, for a request that is sent now where it may be; one of `succeeded`, `failed` and `undecided` must follow. */
  admit(target: CircuitTarget, now: number): VaultError | undefined {
    const refusal = this.refusal(target, now);
    if (!refusal) for (const circuit of this.#of(target)) circuit.probing = circuit.cooldown.hasBegun;
    return refusal;
  }

  /** Whether the path once gave no answer in time: what is slow by nature gets all the time there is. */
  timedOut(target: CircuitTarget): boolean {
    return this.#slowPaths.size > 0 && this.#slowPaths.get(pathKey(target)) === true;
  }

  succeeded(target: CircuitTarget): void {
    if (this.#circuits.size === 0) return;
    this.#circuits.delete(pathKey(target));
    this.#circuits.delete(engineKey(target));
  }

  failed(target: CircuitTarget, error: VaultError, timedOut: boolean, now: number): void {
    if (timedOut) this.#slowPaths.set(pathKey(target), true, 1);
    const path = this.#failedOnce(pathKey(target), target);
    if (path.failures >= threshold) path.cooldown.begin(error, longestMs, now);
    const engine = this.#failedOnce(engineKey(target), target);
    if (engine.paths.size >= threshold) engine.cooldown.begin(error, longestMs, now);
  }

  /** It was given up: that tells nothing. */
  undecided(target: CircuitTarget): void {
    for (const circuit of this.#of(target)) circuit.probing = false;
  }

  #of(target: CircuitTarget): Circuit[] {
    if (this.#circuits.size === 0) return [];
    return [pathKey(target), engineKey(target)].flatMap((key) => this.#circuits.get(key) ?? []);
  }

  #failedOnce(key: string, { path }: CircuitTarget): Circuit {
    const cooldown = () => new Cooldown(this.#random, shortestMs);
    const circuit = this.#circuits.get(key) ?? { failures: 0, paths: new Set(), cooldown: cooldown(), probing: false };
    this.#circuits.set(key, circuit, 1);
    circuit.probing = false;
    circuit.failures += 1;
    if (circuit.paths.size < threshold) circuit.paths.add(path);
    return circuit;
  }
}

function isClosedTo({ cooldown, probing }: Circuit, now: number): boolean {
  return probing || cooldown.leftMs(now) > 0;
}

function engineKey({ namespace, vaultNamespace, engine }: CircuitTarget): string {
  return JSON.stringify([namespace, vaultNamespace, engine]);
}

function pathKey({ namespace, vaultNamespace, path }: CircuitTarget): string {
  return JSON.stringify([namespace, vaultNamespace, "", path]);
}
