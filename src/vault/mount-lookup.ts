import type { Connection } from "../config/connection.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { withDeadline } from "../shared/join-signals.js";
import { LruCache } from "../shared/lru-cache.js";
import { SingleFlight } from "../shared/single-flight.js";
import { type MountFinding, pathHint } from "./path-hint.js";
import type { Caller, VaultClient, VaultToken } from "./vault-client.js";
import { VaultError } from "./vault-error.js";

export interface RefusedRequest {
  connection: Connection;
  vaultNamespace: string;
  /** One that lives. */
  token: VaultToken;
  request: VaultRequest;
  caller: Caller;
}

/** A person waits for the refusal: it is not held up longer than this. */
const mostMs = 2_000;
const remembered = 1_024;
/** Mounts rarely change; what a token does not see may be what its policies are about to be given. */
const mountMs = 10 * 60_000;
const otherMs = 60_000;

/**
 * Tells a refused read how its path has to be written, by the mount that Vault names for it. It costs a request only
 * after such a refusal, and only one for each mount in a while: what one Kubernetes namespace learned is kept from the others, for
 * Vault shows a mount only to those who may use it.
 */
export class MountLookup {
  readonly #client: Pick<VaultClient, "lookupMount">;
  readonly #clock: Clock;
  readonly #findings = new LruCache<{ finding: MountFinding; until: number }>(remembered);
  readonly #flights = new SingleFlight<void>();

  constructor({ client, clock }: { client: Pick<VaultClient, "lookupMount">; clock: Clock }) {
    this.#client = client;
    this.#clock = clock;
  }

  /**
   * The error with its hint, where there is one; any other as it is. Where Vault cannot be asked the hint is a guess, told
   * as one. Throws only the signal's reason.
   */
  async explained(error: unknown, refused: RefusedRequest, signal: AbortSignal): Promise<unknown> {
    if (!(error instanceof VaultError) || error.mount === undefined) return error;
    const { request, vaultNamespace } = refused;
    const mount: MountFinding = error.mount === "none" ? { found: "none" } : await this.#find(refused, signal);
    const hint = pathHint({ ...request, vaultNamespace }, error.mount, mount);
    return error.withHint(hint, hint !== "" && (mount.found === "mount" || error.mount === "kv2"));
  }

  async #find(refused: RefusedRequest, signal: AbortSignal): Promise<MountFinding> {
    // Its uses are numbered, and each is for a secret.
    if (refused.token.uses !== undefined) return { found: "unknown" };
    const late = () => new VaultError("outage", "the mount was not told in time");
    const limited = withDeadline(signal, mostMs, late, this.#clock);
    try {
      return await this.#search(refused, limited.signal);
    } catch (reason) {
      signal.throwIfAborted();
      if (!limited.signal.aborted) throw reason;
      return this.#remember(refused, "", { found: "unknown" });
    } finally {
      limited.release();
    }
  }

  /** Paths with the same first step take turns, for they are of one mount as a rule: the second finds it remembered. */
  async #search(refused: RefusedRequest, signal: AbortSignal): Promise<MountFinding> {
    const first = keyOf(refused, refused.request.path.split("/")[0]!);
    for (;;) {
      const known = this.#recalled(refused);
      if (known) return known;
      await this.#flights.run(first, (asking) => this.#ask(refused, asking), { lasting: () => false }, signal);
    }
  }

  async #ask(refused: RefusedRequest, signal: AbortSignal): Promise<void> {
    const { connection, request, caller } = refused;
    try {
      const finding = await this.#client.lookupMount(connection, refused, request.path, caller, signal);
      this.#remember(refused, finding.found === "mount" ? finding.path : request.path, finding);
    } catch (reason) {
      signal.throwIfAborted();
      if (!(reason instanceof ProviderError)) throw reason;
      this.#remember(refused, "", { found: "unknown" });
    }
  }

  #remember(refused: RefusedRequest, path: string, finding: MountFinding): MountFinding {
    const until = this.#clock.monotonic() + (finding.found === "mount" ? mountMs : otherMs);
    this.#findings.set(keyOf(refused, path), { finding, until }, 1);
    return finding;
  }

  /** A mount is known for every path below it, that there is none for its own path alone, a failure (at "") for all. */
  #recalled(refused: RefusedRequest): MountFinding | undefined {
    const now = this.#clock.monotonic();
    const steps = refused.request.path.split("/");
    for (let length = steps.length; length >= 0; length -= 1) {
      const { finding, until } = this.#findings.get(keyOf(refused, steps.slice(0, length).join("/"))) ?? {};
      if (!finding || now >= until!) continue;
      if (finding.found === "mount" || length === steps.length || length === 0) return finding;
    }
    return undefined;
  }
}

function keyOf({ connection, vaultNamespace, caller }: RefusedRequest, path: string): string {
  return JSON.stringify([connection.name, caller.namespace, vaultNamespace, path]);
}
