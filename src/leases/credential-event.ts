import type { VaultRequest } from "../mount/mount-spec.js";
import type { Principal } from "../mount/ports.js";
import type { ProviderError } from "../shared/errors.js";
import type { CachedSecret } from "./cached-secret.js";
import type { CacheEntry, VolumeRecord } from "./cache-entry.js";
import type { CacheLimits } from "./secret-cache.js";
import type { PersistedOwner } from "./state-codec.js";

/**
 * `mount`: what one Mount may be made of; `record`: what credentials of one owner key may take together; `offline`: what copies
 * may take of the state directory.
 */
export type ReachedLimit = keyof CacheLimits | "inFlightBytes" | "mount" | "record" | "offline";

/** What happens to cached secrets, their leases and their records in the state directory. */
export type CredentialEvent =
  /** A due answer could not be read again, so the cached one is served stale. */
  | { kind: "staleServed"; principal: Principal; request: VaultRequest; error: ProviderError; ageMs: number }
  /** Vault is away, so a secret is served from its offline copy. */
  | { kind: "copyServed"; principal: Principal; request: VaultRequest; error: ProviderError; ageMs: number }
  /** An offline copy could not be read, written or removed. */
  | { kind: "copyFailed"; error: ProviderError }
  /** A credential was created: the first for its request, or a replacement. */
  | { kind: "credentialMade"; principal: Principal; request: VaultRequest; answer: CachedSecret; first: boolean }
  /** It lives too short for a file mount; the first for its request only. */
  | { kind: "livesTooShort"; principal: Principal; request: VaultRequest; answer: CachedSecret }
  /** A limit, or a namespace's share of it, prevents that an answer is received or a credential is created. */
  | { kind: "limitReached"; limit: ReachedLimit }
  /** It has a new term; where `answer.term.renewable` is false, renewals no longer extend it. */
  | { kind: "leaseRenewed"; entry: CacheEntry; answer: CachedSecret }
  /** The renewal failed for now, or for good (`answer.term.renewable` is false). */
  | { kind: "leaseNotRenewed"; entry: CacheEntry; answer: CachedSecret; error: ProviderError }
  /** Vault no longer knows it. */
  | { kind: "leaseGone"; entry: CacheEntry; answer: CachedSecret }
  /** It ends in `leftMs`, and no Mount has come to replace it. Once for each credential. */
  | { kind: "endsUnreplaced"; entry: CacheEntry; answer: CachedSecret; leftMs: number }
  /** A sync controller has missed two Mounts of what it used to ask for: that is revoked. */
  | { kind: "syncEnded"; volume: VolumeRecord }
  /** The tokens and volumes of an earlier process are restored. */
  | { kind: "ownerRestored"; owner: PersistedOwner }
  /** A credential of a restored owner may have been created without being recorded. */
  | { kind: "credentialLost"; entry: CacheEntry }
  | { kind: "ownerNotRestored"; because: string }
  /** Its record could not be written, which is tried again; `first` where all records were written before. */
  | { kind: "ownerNotPersisted"; error: ProviderError; first: boolean }
  /** All records are written, after some were not. */
  | { kind: "ownersPersisted" };
