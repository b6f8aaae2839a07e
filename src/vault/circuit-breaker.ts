import type { Random } from "../shared/random.js";
import { VaultError } from "./vault-error.js";

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
  /** How often it has been open since it last went well. */
  openings: number;
  /** While the time is before this, nothing is asked. */
  openUntil: number;
  /** It is open, or half-open: one request finds out whether it is well again. */
  isOpen: boolean;
  probing: boolean;
  timedOut: boolean;
  error: VaultError;
}

/** So many failures in a row open a path's circuit; so many paths that fail in a row, their engine's. */
const threshold = 3;
const shortestMs = 1_000;
const longestMs = 30_000;
/** Those remembered at once; the oldest is forgotten first, which costs a few early requests. */
const capacity = 1_024;

/**
 * Spares callers and Vault requests that will fail: a path or an engine that failed repeatedly gets no
 * request for a while, and then a single probe. Counts by Kubernetes namespace: no tenant can cause failures that are
 * held against another's requests. Decisions only; no IO, and times are parameters.
 */
export class CircuitBreaker {
  readonly #random: Random;
  readonly #circuits = new Map<string, Circuit>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** How many are not asked at the moment, or by one request alone. */
  open(now: number): number {
    return [...this.#circuits.values()].filter((circuit) => isClosedTo(circuit, now)).length;
  }

  /** Why this is not asked now; `undefined` where it may be. */
  refusal(target: CircuitTarget, now: number): VaultError | undefined {
    const open = this.#of(target).find((circuit) => isClosedTo(circuit, now));
    return open && openError(open, now);
  }

  /** The same, for a request that is sent now where it may be; one of `succeeded`, `failed` and `undecided` must follow. */
  admit(target: CircuitTarget, now: number): VaultError | undefined {
    const refusal = this.refusal(target, now);
    if (!refusal) for (const circuit of this.#of(target)) circuit.probing = circuit.isOpen;
    return refusal;
  }

  /** Whether the path once gave no answer in time: what is slow by nature gets all the time there is. */
  timedOut(target: CircuitTarget): boolean {
    return this.#circuits.get(pathKey(target))?.timedOut === true;
  }

  succeeded(target: CircuitTarget): void {
    if (this.#circuits.size === 0) return;
    const path = this.#circuits.get(pathKey(target));
    if (path?.timedOut) Object.assign(path, { failures: 0, openings: 0, openUntil: 0, isOpen: false, probing: false });
    else this.#circuits.delete(pathKey(target));
    this.#circuits.delete(engineKey(target));
  }

  failed(target: CircuitTarget, error: VaultError, timedOut: boolean, now: number): void {
    this.#fail(pathKey(target), target.path, { error, timedOut }, now, ({ failures }) => failures >= threshold);
    this.#fail(engineKey(target), target.path, { error, timedOut }, now, ({ paths }) => paths.size >= threshold);
  }

  /** It was given up: that tells nothing. */
  undecided(target: CircuitTarget): void {
    for (const circuit of this.#of(target)) circuit.probing = false;
  }

  #of(target: CircuitTarget): Circuit[] {
    if (this.#circuits.size === 0) return [];
    return [pathKey(target), engineKey(target)].flatMap((key) => this.#circuits.get(key) ?? []);
  }

  #fail(
    key: string,
    path: string,
    { error, timedOut }: { error: VaultError; timedOut: boolean },
    now: number,
    opens: (circuit: Circuit) => boolean,
  ): void {
    const circuit = this.#circuits.get(key) ?? this.#make(key, error);
    Object.assign(circuit, { error, timedOut, probing: false, failures: circuit.failures + 1 });
    if (circuit.paths.size < threshold) circuit.paths.add(path);
    // What was under way when it opened does not keep it open longer.
    if (!opens(circuit) || now < circuit.openUntil) return;
    const ms = Math.min(longestMs, shortestMs * 2 ** circuit.openings);
    circuit.isOpen = true;
    circuit.openings += 1;
    circuit.openUntil = now + ms * (0.75 + 0.5 * this.#random());
  }

  #make(key: string, error: VaultError): Circuit {
    const circuit: Circuit = {
      failures: 0,
      paths: new Set(),
      openings: 0,
      openUntil: 0,
      isOpen: false,
      probing: false,
      timedOut: false,
      error,
    };
    this.#circuits.set(key, circuit);
    if (this.#circuits.size > capacity) this.#circuits.delete(this.#circuits.keys().next().value!);
    return circuit;
  }
}

function isClosedTo({ isOpen, openUntil, probing }: Circuit, now: number): boolean {
  return isOpen && (now < openUntil || probing);
}

function openError({ error, openUntil }: Circuit, now: number): VaultError {
  const seconds = Math.max(1, Math.ceil((openUntil - now) / 1000));
  const { status } = error;
  return new VaultError(error.kind, `${error.message}; it is asked again in ${seconds} s`, {
    ...(status !== undefined && { status }),
  });
}

function engineKey({ namespace, vaultNamespace, engine }: CircuitTarget): string {
  return JSON.stringify([namespace, vaultNamespace, engine]);
}

function pathKey({ namespace, vaultNamespace, path }: CircuitTarget): string {
  return JSON.stringify([namespace, vaultNamespace, "", path]);
}
