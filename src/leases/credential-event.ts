import type { VaultRequest } from "../mount/mount-spec.js";
import type { Principal } from "../mount/ports.js";
import type { ProviderError } from "../shared/errors.js";
import type { CachedSecret } from "./cached-secret.js";
import type { CacheEntry, CacheLimits } from "./secret-cache.js";
import type { PersistedOwner } from "./state-codec.js";

/** `mount`: what one Mount may be made of. */
export type ReachedLimit = keyof CacheLimits | "inFlightBytes" | "mount";

/** What happens to cached secrets, their leases and their records in the state directory. */
export type CredentialEvent =
  /** A due answer could not be had anew, so the held one stands in. */
  | { kind: "staleServed"; principal: Principal; request: VaultRequest; error: ProviderError; heldForMs: number }
  /** A credential was made: the first for its request, or in the place of another. */
  | { kind: "credentialMade"; principal: Principal; request: VaultRequest; answer: CachedSecret; first: boolean }
  /** It lives too short for a file mount; the first for its request only. */
  | { kind: "livesTooShort"; principal: Principal; request: VaultRequest; answer: CachedSecret }
  /** A limit, or the share of a namespace in it, keeps an answer from being taken in or a credential from being made. */
  | { kind: "limitReached"; limit: ReachedLimit }
  /** It has another term; where `answer.term.renewable` is false, renewals move its end no more. */
  | { kind: "leaseRenewed"; entry: CacheEntry; answer: CachedSecret }
  /** Not now, or not ever (`answer.term.renewable`). */
  | { kind: "leaseNotRenewed"; entry: CacheEntry; answer: CachedSecret; error: ProviderError }
  /** Vault does not know it any more. */
  | { kind: "leaseGone"; entry: CacheEntry; answer: CachedSecret }
  /** It ends in `leftMs`, and no Mount has come to replace it. Once for each credential. */
  | { kind: "endsUnreplaced"; entry: CacheEntry; answer: CachedSecret; leftMs: number }
  /** An earlier process's tokens and volumes are held again. */
  | { kind: "ownerRestored"; owner: PersistedOwner }
  /** A credential of a restored owner may have been made without anybody knowing. */
  | { kind: "credentialLost"; entry: CacheEntry }
  | { kind: "ownerNotRestored"; because: string }
  | { kind: "ownerNotPersisted"; error: ProviderError };
