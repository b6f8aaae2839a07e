import type { VaultRequest } from "../mount/mount-spec.js";
import type { MountTransaction, Principal, SecretSource } from "../mount/ports.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { isAway } from "../vault/transient.js";
import type { VaultReader } from "./cached-secret-source.js";
import type { CredentialEvent } from "./credential-event.js";
import type { OfflineCopies } from "./offline-copies.js";
import type { SecretCache } from "./secret-cache.js";

/** Reads from Vault, and lets the copies follow what it answers and refuses. */
export function copyingReader(reader: VaultReader, copies: OfflineCopies): VaultReader {
  const followed = async (asked: ReturnType<VaultReader["ask"]>, principal: Principal, request: VaultRequest) => {
    try {
      const answered = await asked;
      copies.keep(principal, request, answered.reply);
      return answered;
    } catch (reason) {
      copies.refused(principal, request, ProviderError.from(reason));
      throw reason;
    }
  };
  return {
    ask: (principal, request, options, signal) => {
      const asked = reader.ask(principal, request, options, signal);
      return principal.connection.offline ? followed(asked, principal, request) : asked;
    },
    offer: (principal) => reader.offer(principal),
    hasMade: (principal, request) => reader.hasMade(principal, request),
    revokeUndelivered: (answer, path) => reader.revokeUndelivered(answer, path),
  };
}

export interface OfflineSourceParts {
  source: SecretSource;
  copies: OfflineCopies;
  cache: SecretCache;
  /** The API server knows no such pod on this node, for certain. */
  isStranger: (pod: Principal["pod"]) => boolean;
  clock: Clock;
  emit: (event: CredentialEvent) => void;
}

/**
 * Answers as `source` does; where that fails because Vault is away, from the offline copies. A copy is never held: while Vault
 * is away each Mount looks for it again, and the first one after that reads from Vault.
 */
export class OfflineSource implements SecretSource {
  readonly #parts: OfflineSourceParts;

  constructor(parts: OfflineSourceParts) {
    this.#parts = parts;
  }

  begin(principal: Principal): MountTransaction {
    const { source, cache } = this.#parts;
    const transaction = source.begin(principal);
    if (!principal.connection.offline) return transaction;
    /** By request; of those that the files are made of now. */
    const readAt = new Map<VaultRequest, number>();
    return {
      read: async (fetches, onDenied, signal) => {
        const answers = await transaction.read(fetches, onDenied, signal);
        for (const { request } of fetches) readAt.delete(request);
        const withCopies = new Map(answers);
        // One after another: once there is no room for one, nothing is looked up any more.
        for (const [fetch, answer] of answers) {
          const { request } = fetch;
          if ("body" in answer || signal.aborted) continue;
          const copy = await this.#copyFor(principal, request, answer.error);
          if (!copy) continue;
          transaction.made(copy.bytes);
          readAt.set(request, copy.readAt);
          withCopies.set(fetch, { body: copy.body, staleReason: answer.error, copyAgeMs: copy.ageMs });
        }
        return withCopies;
      },
      previous: (request) => transaction.previous(request),
      invalidate: (request) => transaction.invalidate(request),
      made: (bytes) => transaction.made(bytes),
      lend: (bytes) => transaction.lend(bytes),
      commit: (versions) => {
        const committed = transaction.commit(versions);
        cache.markCopied(principal, readAt.size > 0 ? Math.min(...readAt.values()) : undefined);
        return committed;
      },
      end: () => transaction.end(),
    };
  }

  async #copyFor(principal: Principal, request: VaultRequest, error: ProviderError) {
    const { copies, isStranger, clock, emit } = this.#parts;
    if (!isAway(error) || isStranger(principal.pod)) return undefined;
    const copy = await copies.find(principal, request);
    if (!copy) return undefined;
    const ageMs = clock.monotonic() - copy.readAt;
    emit({ kind: "copyServed", principal, request, error, ageMs });
    return { ...copy, ageMs };
  }
}
