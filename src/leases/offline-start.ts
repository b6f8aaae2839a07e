import type { VaultRequest } from "../mount/mount-spec.js";
import type { MountTransaction, Principal, SecretSource } from "../mount/ports.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { isAway } from "../vault/transient.js";
import type { VaultReader } from "./vault-reader.js";
import type { CredentialEvent } from "./credential-event.js";
import type { OfflineCopies } from "./offline-copies.js";
import { type AgedCopy, OfflineTransaction } from "./offline-transaction.js";
import type { SecretCache } from "./secret-cache.js";

/** Reads from Vault; what it refuses ends copies. */
export function copyEndingReader(reader: VaultReader, copies: OfflineCopies): VaultReader {
  const followed = async (asked: ReturnType<VaultReader["ask"]>, principal: Principal, request: VaultRequest) => {
    try {
      return await asked;
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
    const { source, cache, copies } = this.#parts;
    const transaction = source.begin(principal);
    if (!principal.connection.offline) return transaction;
    return new OfflineTransaction({
      principal,
      transaction,
      copies,
      cache,
      copyFor: this.#copyFor.bind(this, principal),
    });
  }

  async #copyFor(principal: Principal, request: VaultRequest, error: ProviderError): Promise<AgedCopy | undefined> {
    const { copies, isStranger, clock, emit } = this.#parts;
    if (!isAway(error) || isStranger(principal.pod)) return undefined;
    const copy = await copies.find(principal, request);
    if (!copy) return undefined;
    const ageMs = clock.monotonic() - copy.readAt;
    emit({ kind: "copyServed", principal, request, error, ageMs });
    return { ...copy, ageMs };
  }
}
