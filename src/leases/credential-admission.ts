import type { Principal } from "../mount/ports.js";
import { reads } from "../mount/credential-path.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { LeaseRules } from "../vault/lease-rules.js";
import { hasPredecessor } from "./cache-entry.js";
import { type CachedSecret, isCredential } from "./cached-secret.js";
import type { CredentialEvent } from "./credential-event.js";
import type { Reservation } from "./reservation.js";
import type { CacheLimits, SecretCache } from "./secret-cache.js";
import { lifeTooShort } from "./synced-credential.js";
import type { VaultReader } from "./vault-reader.js";
import type { Question } from "./volume-transaction.js";

export interface CredentialAdmissionParts {
  cache: SecretCache;
  reader: Pick<VaultReader, "hasMade" | "revokeUndelivered">;
  clock: Clock;
  rules: LeaseRules;
  emit: (event: CredentialEvent) => void;
  /** Why no credential may be created on this node now; `undefined` when it may. */
  credentialsRefused: () => ProviderError | undefined;
}

/** The least size of a credential; its real size is known when it is created. */
const leastCredentialBytes = 2 << 10;
/** Of the credentials of one owner key: its record is in memory as a whole whenever one of them is written. */
const mostCredentialBytes = 4 << 20;

/** Which credentials may be made, and held, for a volume: what cannot be held must not be made. */
export class CredentialAdmission {
  readonly #parts: CredentialAdmissionParts;

  constructor(parts: CredentialAdmissionParts) {
    this.#parts = parts;
  }

  /** Whether the request creates a credential: by its method, or by what is known of its path. */
  creates(principal: Principal, request: VaultRequest): boolean {
    return !reads(request) || (request.method === "GET" && this.#parts.reader.hasMade(principal, request));
  }

  /** Before a request is sent: throws where it is known to create a credential, and none may be made for the volume. */
  admitRequest(question: Question): void {
    const { principal, entry, request } = question;
    if (!this.creates(principal, request)) return;
    this.#admitCredential(question, leastCredentialBytes);
    if (entry.users.size === 0) throw volumeNotServed(request);
  }

  /**
   * Only its answer shows that a GET created a credential. Throws where there is no room for the answer; a credential that may not
   * be held is revoked.
   */
  admitAnswer(question: Question, answer: CachedSecret, received: Reservation): void {
    const { principal, entry, request } = question;
    const { kind, bytes } = answer;
    const { rules, reader } = this.#parts;
    try {
      received.raiseTo(bytes);
      const short = !principal.podVolume && rules.syncs && lifeTooShort(request, answer, rules);
      if (isCredential(answer) && short) throw short;
      if (kind === "leased") this.#admitCredential(question, bytes);
      if (kind === "issued") this.#admitBytes(question, bytes);
      if (isCredential(answer) && entry.users.size === 0) throw volumeNotServed(request);
    } catch (refusal) {
      if (isCredential(answer)) reader.revokeUndelivered(answer, request.path);
      throw refusal;
    }
  }

  #admitCredential(question: Question, bytes: number): void {
    const { principal, request } = question;
    if (!principal.podVolume && !this.#parts.rules.syncs) throw needsPodVolume(request);
    const refusal = this.#parts.credentialsRefused();
    if (refusal) throw refusal;
    this.#admitBytes(question, bytes);
  }

  /**
   * A replacement needs no more room than its predecessor: a share that has shrunk ends no credential. While another volume has
   * one from before that, it needs room of its own: volumes of one pod could else hold one each.
   */
  #admitBytes({ volume, entry, request }: Question, bytes: number): void {
    const { cache, clock, emit } = this.#parts;
    const previous = entry.answer ?? volume.delivered.get(entry);
    if (previous && isCredential(previous)) {
      entry.roomBytes = Math.min(entry.roomBytes ?? previous.bytes, previous.bytes);
      if (bytes <= entry.roomBytes + leastCredentialBytes && (!entry.answer || !hasPredecessor(entry))) return;
    }
    if (cache.credentialBytesOf(entry.ownerKey) + bytes > mostCredentialBytes) {
      emit({ kind: "limitReached", limit: "record" });
      throw tooMuchForOneRecord(request);
    }
    const full = cache.fullForCredential(volume, bytes, clock.monotonic());
    if (full) {
      emit({ kind: "limitReached", limit: full });
      throw noRoomForCredential(request, volume.namespace, full);
    }
    entry.roomBytes = Math.max(bytes, entry.roomBytes ?? 0);
  }
}

function noRoomForCredential({ path }: VaultRequest, namespace: string, limit: keyof CacheLimits): ProviderError {
  const share = limit === "bytes" ? "as many credentials" : "as many volumes with credentials";
  return new ProviderError(
    "limit_exceeded",
    `this node holds ${share} as the share of namespace ${namespace} in limits.${limit} allows, so ${path} makes no more; raise it or spread the pods`,
  );
}

function tooMuchForOneRecord({ path }: VaultRequest): ProviderError {
  return new ProviderError(
    "limit_exceeded",
    `the credentials of this pod and role (with tokenPer: serviceAccount, of all pods of the account) are larger than ${mostCredentialBytes} bytes together, the most that one record may hold, so ${path} makes no more; let them be fewer or smaller`,
  );
}

function needsPodVolume(request: VaultRequest): ProviderError {
  return new ProviderError(
    "invalid_request",
    `${request.path} makes a credential that lives as long as a pod's volume, so it needs a pod volume; a sync controller may be given it where syncPollInterval is set`,
  );
}

function volumeNotServed(request: VaultRequest): ProviderError {
  return new ProviderError(
    "limit_exceeded",
    `${request.path} makes a credential for a volume that is no longer served: its pod is gone, or others needed the room (raise limits.volumes or limits.bytes, or spread the pods)`,
  );
}
