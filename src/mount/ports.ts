import type { Connection } from "../config/connection.js";
import type { ProviderError } from "../shared/errors.js";
import type { Redacted } from "../shared/redacted.js";
import type { OnDenied, PodIdentity, VaultRequest } from "./mount-spec.js";
import type { AnswerBody } from "./secret-value.js";

/** The pod, its identity towards Vault, and its volume. The JWT lives for this Mount only. */
export interface Principal {
  pod: PodIdentity;
  connection: Connection;
  vaultNamespace: string;
  authMount: string;
  role: string;
  /** Of the JWT. */
  audience: string;
  jwt: Redacted<string>;
  /** Equal for those, and only those, that may share a Vault token. */
  ownerKey: string;
  /** Equal for the pods of one service account that ask alike (`accountKey`). */
  accountKey: string;
  /** The volume's path and the token's claims agree that it is this pod's, as far as they can be judged without Vault. */
  mayStartOffline: boolean;
  /** The volume within the owner key: its target path, or the digest of the parameters where that tells nothing. */
  volumeKey: string;
  /** Whether it is a pod's volume; otherwise it is what a sync controller asks for. */
  podVolume: boolean;
}

/** What a Mount needs from outside: answers, held or fresh. */
export interface SecretSource {
  /** Opens a Mount's transaction. Throws `limit_exceeded` when there is no room for another volume. */
  begin(principal: Principal): MountTransaction;
}

export interface MountTransaction {
  /**
   * Gives for each request what is held and not due, else what Vault answers; when that fails, what is held after all, and why.
   * Static answers are read, replaced and kept together, so that they are of one moment: the volume's whole set, of this call
   * and of earlier ones, whose results this call's replace. `limit_exceeded` is every result as soon as the answers are
   * together more than the volume's files could hold.
   */
  read(fetches: readonly Fetch[], onDenied: OnDenied, signal: AbortSignal): Promise<ReadonlyMap<Fetch, Answered>>;
  /**
   * No file can be made of its answer: invalidates it, and gives what the volume was last delivered, if that is another
   * answer and there is room for it.
   */
  previous(request: VaultRequest): AnswerBody | undefined;
  /** Lets the next Mount read a static answer again, whatever its age: a corrected secret takes effect at once. */
  invalidate(request: VaultRequest): void;
  /**
   * The volume's objects were made, with contents of this digest. Where they are not what the volume has, and its answers of before are
   * not known (an earlier process delivered them), reads the static ones again as `read` does after a change, and returns true:
   * the objects must be made again, for what was read first may be half of a rotation.
   */
  settle(contentsDigest: string, signal: AbortSignal): Promise<boolean>;
  /**
   * Ends the transaction: from now on the volume holds exactly what was answered during it, so call it only when all of that
   * is about to be delivered. Tells whether the contents are those of the transaction before.
   */
  commit(contentsDigest: string): { unchanged: boolean };
  /** So many bytes more of files are made of the answers. Throws `limit_exceeded` when there is no room for them. */
  made(bytes: number): void;
  /** So many bytes more are held for a while, until what it gives is called. Throws likewise. */
  lend(bytes: number): () => void;
  /** Releases all answers, after any outcome of the Mount; no read may follow. */
  end(): void;
}

/** One request, and what the objects that name it allow its answer to be. */
export interface Fetch {
  request: VaultRequest;
  options: FetchOptions;
}

export interface FetchOptions {
  /** How old a static answer may be. */
  refreshIntervalMs: number;
  /** How old an issued one may be; without it, or with `Infinity`, its end alone counts. */
  issuedIntervalMs?: number;
  /** How long an issued one lives, where its answer tells no earlier end; `Infinity` where the class says nothing. */
  lifetimeMs?: number;
  /** It may be absent: what Vault no longer has is reported as missing, and not kept. */
  optional?: boolean;
}

export interface FetchResult {
  body: AnswerBody;
  /** Of a static secret: when Vault was asked for it; `Clock.monotonic()`. */
  readAt?: number;
  /** Why a cached secret is served stale for the one that was due. */
  staleReason?: ProviderError;
  /** Milliseconds since the offline copy was read that is served instead. */
  copyAgeMs?: number;
}

/** What came of a request. */
export type Answered = FetchResult | { error: ProviderError };

/** Makes what would hold up the event loop, beside it. */
export interface Renderer {
  /**
   * Gives equal bytes for equal jobs. Throws `invalid_request` for a mistake in the job, `limit_exceeded` when it takes
   * too long or too much memory, `not_found` for a variable that is not there. `tenant` is the unit of fairness.
   */
  render(job: Job, tenant: string, signal: AbortSignal): Promise<Buffer>;
}

export type Job = TemplateJob | KeystoreJob;

export interface TemplateJob {
  kind: "template";
  text: string;
  /** JSON: `{own: secret | null, sources: {name: secret}}`, each secret `{data: object, meta: object | null}`. */
  data: Redacted<string>;
}

export interface KeystoreJob {
  kind: "keystore";
  /** PEM: a private key or none; certificates, the key's own among them. */
  key?: Redacted<string>;
  certificates: readonly string[];
  password: Redacted<string>;
  alias: string;
  legacy: boolean;
}
