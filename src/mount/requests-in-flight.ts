import { ProviderError } from "../shared/errors.js";
import { FairBudget } from "../shared/fair-budget.js";
import { classBytes } from "./class-bytes.js";
import type { MountAttributes } from "./mount-request.js";
import type { ClassSpec, MountSpec } from "./mount-spec.js";

/**
 * What Mounts keep of their requests while they wait for Vault: tokens and classes, in bytes, with a share for each
 * Kubernetes namespace. A class that many pods have is kept once, and counts once.
 */
export class RequestsInFlight {
  readonly #budget: FairBudget;
  readonly #classes = new Map<ClassSpec, { mounts: number; namespace: string; bytes: number }>();

  constructor(bytes: number) {
    this.#budget = new FairBudget(bytes);
  }

  get bytes(): number {
    return this.#budget.total;
  }

  /** Counts the texts of a class that waits to be read, until what it gives is called. Throws like `take`. */
  takeTexts({ pod: { namespace }, parameters }: MountAttributes): () => void {
    const bytes = [...parameters].reduce((sum, [name, value]) => sum + name.length + value.length, bytesPerMount);
    if (!this.#budget.take(namespace, bytes)) throw tooMuch(namespace);
    return () => this.#budget.release(namespace, bytes);
  }

  /** Counts a Mount until what it gives is called. Throws `limit_exceeded` where its namespace has as much as it may. */
  take({ pod, class: read, tokens }: MountSpec): () => void {
    const { namespace } = pod;
    const bytes = [...tokens.values()].reduce((sum, { jwt }) => sum + jwt.reveal().length, bytesPerMount);
    const known = this.#classes.get(read);
    const ofClass = known ?? { mounts: 0, namespace, bytes: classBytes(read) };
    if (!this.#budget.admits(namespace, bytes + (known ? 0 : ofClass.bytes))) throw tooMuch(namespace);
    this.#budget.add(namespace, bytes);
    if (!known) this.#budget.add(namespace, ofClass.bytes);
    ofClass.mounts += 1;
    this.#classes.set(read, ofClass);
    return () => {
      this.#budget.release(namespace, bytes);
      ofClass.mounts -= 1;
      if (ofClass.mounts > 0) return;
      this.#classes.delete(read);
      this.#budget.release(ofClass.namespace, ofClass.bytes);
    };
  }
}

const bytesPerMount = 1_024;

function tooMuch(namespace: string): ProviderError {
  return new ProviderError(
    "limit_exceeded",
    `the mounts of namespace ${namespace} that wait for Vault on this node hold as much memory for their classes as they may; ` +
      "the kubelet tries again; use smaller classes, or one class for many pods",
  );
}
