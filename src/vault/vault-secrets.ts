import type { VaultRequest } from "../mount/mount-spec.js";
import type { Principal } from "../mount/ports.js";
import { ProviderError } from "../shared/errors.js";
import type { Clock } from "../shared/clock.js";
import type { CredentialPaths } from "./credential-paths.js";
import { hangsOnToken } from "./hangs-on-token.js";
import { authorityOver } from "./lease-namespace.js";
import { MountLookup } from "./mount-lookup.js";
import type { StoredToken } from "./stored-token.js";
import { learnSelfLookup, livenessOf } from "./token-liveness.js";
import type { TokenStore } from "./token-store.js";
import type { AnswerIntake, Caller, Lease, Priority, VaultAnswer, VaultClient } from "./vault-client.js";
import { VaultError } from "./vault-error.js";
import type { TokenEvent } from "./vault-event.js";

export interface VaultSecretsParts {
  client: VaultClient;
  clock: Clock;
  tokens: TokenStore;
  paths: CredentialPaths;
  emit: (event: TokenEvent) => void;
  lifetime: AbortSignal;
}

/** A credential that nobody is given, and the token that asked for it. */
export interface Undelivered extends Pick<VaultAnswer, "lease" | "body"> {
  stored: StoredToken;
}

export interface AskOptions {
  priority: Priority;
  /** See `TokenStore.open`. */
  mayWait: boolean;
  /** The same request of the principal's was answered last time. */
  allowedBefore: boolean;
  /** What receives the answer. */
  intake?: AnswerIntake | undefined;
}

interface Question extends AskOptions {
  principal: Principal;
  request: VaultRequest;
  caller: Caller;
}

/** An answer, and the token that it was given to. */
interface Asked {
  reply: VaultAnswer;
  stored: StoredToken;
}

/** Reads as the principal, with one new login when the token turns out dead. */
export class VaultSecrets {
  readonly #parts: VaultSecretsParts;
  readonly #mounts: MountLookup;
  readonly #revoking = new Set<Promise<void>>();

  constructor(parts: VaultSecretsParts) {
    this.#parts = parts;
    this.#mounts = new MountLookup(parts);
  }

  /** See `TokenStore.offer`. */
  offer(principal: Principal): void {
    this.#parts.tokens.offer(principal);
  }

  /** Throws a `VaultError`; `denied` only once it is certain that the token lives and may not. */
  async ask(principal: Principal, request: VaultRequest, options: AskOptions, signal: AbortSignal): Promise<Asked> {
    const caller = callerOf(principal, options);
    const stored = await this.#parts.tokens.open(principal, caller, options.mayWait, signal);
    try {
      return await this.#askWith(stored, request, caller, signal);
    } catch (reason) {
      return await this.#askAgain(reason, stored, { principal, request, caller, ...options }, signal);
    }
  }

  /** Throws why the token was refused, unless it is dead: then asks with a new one. */
  async #askAgain(refused: unknown, stored: StoredToken, asked: Question, signal: AbortSignal): Promise<Asked> {
    const { client, tokens } = this.#parts;
    const { principal, request, caller, priority, allowedBefore } = asked;
    const error = ProviderError.from(refused);
    const liveness = await livenessOf({ client, stored, error, allowedBefore, priority }, signal);
    if (liveness instanceof ProviderError) throw liveness;
    if (liveness === "alive") throw await this.#explained(refused, stored, asked, signal);
    tokens.died(stored); // A mute one is taken for dead, once: the next token of its key is known to live when it is denied.
    const fresh = await tokens.open(principal, caller, false, signal);
    try {
      return await this.#askWith(fresh, request, caller, signal);
    } catch (reason) {
      if (reason instanceof VaultError && reason.kind === "denied") {
        await learnSelfLookup(client, fresh, priority, signal);
      }
      if (reason instanceof VaultError && reason.kind === "token_invalid") throw reason.withHint(rightAfterLogin);
      throw await this.#explained(reason, fresh, asked, signal);
    }
  }

  /** Where an answer is held, the path was answered before, and is written right. */
  async #explained(
    reason: unknown,
    { connection, vaultNamespace, token }: StoredToken,
    { request, caller, mayWait }: Question,
    signal: AbortSignal,
  ): Promise<unknown> {
    if (mayWait) return reason;
    return this.#mounts.explained(reason, { connection, vaultNamespace, token, request, caller }, signal);
  }

  /** Whether a read is known to make a credential: one that may not be held must not be asked for. */
  hasMade({ connection, vaultNamespace }: Principal, { path }: VaultRequest): boolean {
    return this.#parts.paths.hasMade(connection.name, vaultNamespace, path);
  }

  /**
   * Revokes an undelivered lease in the background. Where policy does not let the token revoke it, and for a child token, the
   * token itself is revoked, which every token may, unless something else that hangs on it was delivered. Any other credential,
   * such as a certificate, can only be reported.
   */
  revokeUndelivered(answer: Undelivered, path: string): void {
    const { lease, stored } = answer;
    if (!hangsOnToken(answer))
      return this.#parts.emit({ kind: "credentialOrphaned", stored, path, error: hasNoLease() });
    stored.leases -= 1;
    if (!lease) return this.#discard(stored, path, hasNoLease());
    const work = this.#revoke(lease, stored, path).finally(() => this.#revoking.delete(work));
    this.#revoking.add(work);
  }

  /** Resolves when nothing is being given back any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#revoking);
  }

  async #revoke(lease: Lease, stored: StoredToken, path: string): Promise<void> {
    const { client, lifetime } = this.#parts;
    try {
      const caller: Caller = { ...stored.caller, priority: "revoke" };
      const on = authorityOver(stored, path, lease.id);
      await client.revokeLease(stored.connection, on, lease.id, caller, lifetime);
    } catch (reason) {
      const error = ProviderError.from(reason);
      if (error instanceof VaultError && ["token_invalid", "lease_gone"].includes(error.kind)) return;
      this.#discard(stored, path, error);
    }
  }

  #discard(stored: StoredToken, path: string, error: ProviderError): void {
    const { tokens, emit } = this.#parts;
    if (stored.leases > 0) emit({ kind: "credentialOrphaned", stored, path, error });
    else tokens.discard(stored);
  }

  async #askWith(stored: StoredToken, request: VaultRequest, caller: Caller, signal: AbortSignal) {
    const { client, tokens } = this.#parts;
    try {
      const reply = await client.request(stored.connection, stored, request, caller, signal);
      if (hangsOnToken(reply)) stored.leases += 1;
      this.#learn(stored, request, reply);
      return { reply, stored };
    } catch (reason) {
      tokens.sawFailure(stored.connection, ProviderError.from(reason));
      throw reason;
    } finally {
      tokens.release(stored);
    }
  }

  #learn({ connection, vaultNamespace }: StoredToken, { method, path }: VaultRequest, { lease }: VaultAnswer): void {
    if (method !== "GET") return;
    if (lease) this.#parts.paths.learn(connection.name, vaultNamespace, path);
    else this.#parts.paths.forget(connection.name, vaultNamespace, path);
  }
}

/** To a token that is used from outside its networks, Vault and OpenBao say what OpenBao says to one that is dead. */
const rightAfterLogin =
  ", right after its login: the role's token_bound_cidrs may not cover this node's address, something may revoke tokens at once, a proxy may drop X-Vault-Token, or the address may lead to several clusters";

function hasNoLease(): ProviderError {
  return new ProviderError("limit_exceeded", "it has no lease that could be revoked");
}

function callerOf({ pod }: Principal, { priority, intake }: AskOptions): Caller {
  return { namespace: pod.namespace, pod: `${pod.namespace}/${pod.name}/${pod.uid}`, priority, intake };
}
