import type { VaultRequest } from "../mount/mount-spec.js";
import type { Visitor } from "../mount/ports.js";
import { ProviderError } from "../shared/errors.js";
import { isOutage } from "./passing.js";
import type { Session } from "./session.js";
import type { Sessions } from "./sessions.js";
import type { AnswerIntake, Caller, Lease, Priority, VaultAnswer, VaultClient } from "./vault-client.js";
import { VaultError } from "./vault-error.js";

/** Reads as the visitor, with one new login when the token turns out dead. */
export class VaultSecrets {
  readonly #client: VaultClient;
  readonly #sessions: Sessions;
  readonly #lifetime: AbortSignal;
  /** Token keys whose denials were settled by a new login once: a token that may not look itself up is not asked again. */
  readonly #mute = new Set<string>();

  constructor(parts: { client: VaultClient; sessions: Sessions; lifetime: AbortSignal }) {
    this.#client = parts.client;
    this.#sessions = parts.sessions;
    this.#lifetime = parts.lifetime;
  }

  /** Throws a `VaultError`; `denied` once it is certain that the token lives and may not. */
  async ask(
    visitor: Visitor,
    request: VaultRequest,
    { priority, mayWait, intake }: { priority: Priority; mayWait: boolean; intake?: AnswerIntake },
    signal: AbortSignal,
  ): Promise<{ reply: VaultAnswer; session: Session }> {
    const caller = callerOf(visitor, priority);
    const session = await this.#sessions.open(visitor, caller, mayWait, signal);
    try {
      return await this.#askIn(session, request, { ...caller, ...(intake && { intake }) }, signal);
    } catch (reason) {
      if (!(await this.#isDead(session, reason, caller, signal))) throw reason;
    }
    const renewed = await this.#sessions.open(visitor, caller, false, signal);
    try {
      return await this.#askIn(renewed, request, { ...caller, ...(intake && { intake }) }, signal);
    } catch (reason) {
      if (reason instanceof VaultError && reason.kind === "denied") this.#mute.add(visitor.tokenKey);
      throw reason;
    }
  }

  giveBack(lease: Lease, session: Session): void {
    this.#client
      .revokeLease(session.connection, session, lease.id, { ...session.caller, priority: "revoke" }, this.#lifetime)
      .catch(() => undefined); // Where policy does not let the token, the lease ends with its time; the refusal says enough.
  }

  /** Nobody needs this key's tokens any more. */
  close(tokenKey: string): void {
    this.#mute.delete(tokenKey);
    this.#sessions.close(tokenKey);
  }

  async #askIn(session: Session, request: VaultRequest, caller: Caller, signal: AbortSignal) {
    try {
      const reply = await this.#client.request(session.connection, session, request, caller, signal);
      if (reply.lease) session.hasLeases = true;
      return { reply, session };
    } catch (reason) {
      if (isOutage(ProviderError.from(reason))) this.#sessions.sawOutage(session.connection);
      throw reason;
    } finally {
      this.#sessions.release(session);
    }
  }

  /** A bare 403 is settled by asking the token about itself; what cannot be settled is taken for dead, once. */
  async #isDead(session: Session, reason: unknown, caller: Caller, signal: AbortSignal): Promise<boolean> {
    if (!(reason instanceof VaultError)) return false;
    const dead =
      reason.kind === "token_invalid" || (reason.kind === "denied" && (await this.#settles(session, caller, signal)));
    if (!dead) return false;
    this.#sessions.died(session);
    return true;
  }

  async #settles(session: Session, caller: Caller, signal: AbortSignal): Promise<boolean> {
    if (this.#mute.has(session.tokenKey)) return false;
    try {
      await this.#client.lookupSelf(session.connection, session, caller, signal);
      return false;
    } catch (reason) {
      return reason instanceof VaultError && (reason.kind === "token_invalid" || reason.kind === "denied");
    }
  }
}

function callerOf({ pod }: Visitor, priority: Priority): Caller {
  return { namespace: pod.namespace, pod: `${pod.namespace}/${pod.name}/${pod.uid}`, priority };
}
