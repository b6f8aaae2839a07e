import type { VaultRequest } from "../mount/mount-spec.js";
import { SmallSet } from "../shared/small-set.js";
import { type CachedSecret, isAlive, isCredential } from "./cached-secret.js";

/** One request of one owner key, its answer where there is one, and the volumes that use it. */
export interface CacheEntry {
  readonly key: string;
  readonly ownerKey: string;
  readonly namespace: string;
  readonly request: VaultRequest;
  readonly users: SmallSet<VolumeRecord>;
  answer: CachedSecret | undefined;
  /** The last attempt to refresh it failed. */
  refreshFailed: boolean;
  /** It is static and unusable for its reader, whatever its age. */
  invalid: boolean;
  /** Vault has denied it to a living token since it was last answered. */
  denied: boolean;
  /** A credential is being created: it would be lost if its volumes were evicted, or if it were not recorded. */
  creating: boolean;
  /** Bytes that its credential has room for: what replaces it with no more needs no other. It falls with the credential. */
  roomBytes: number | undefined;
  /** Mounts that are not answered yet and have asked for it. */
  readers: number;
}

/** A volume, or what stands for one: it holds the answers of its last delivered Mount. */
export interface VolumeRecord {
  readonly key: string;
  readonly ownerKey: string;
  /** Kubernetes namespace: the unit of fairness. */
  readonly namespace: string;
  /** Identifies the volume itself, for every owner key. */
  readonly volumeKey: string;
  /** Of a pod's own volume. */
  readonly pod?: VolumePod;
  readonly entries: Set<CacheEntry>;
  /** The answers that the volume's files were last made of: served stale when nothing better is available. */
  delivered: Map<CacheEntry, CachedSecret>;
  seenAt: number;
  /** 0.9 to 1, drawn once: spreads the refreshes of volumes that were mounted together. Multiplies `refreshInterval`. */
  refreshFactor?: number;
  /** How many Mounts were answered with files; the second shows that the driver republishes. Later ones are no reason to write a record. */
  deliveries: number;
  /** Of the contents last delivered; absent until a Mount has succeeded. */
  contentsDigest?: string;
  /** The refresh that the pod requested (an annotation) and the last delivery has brought. */
  refresh?: string;
  /** When the oldest offline copy was read that the files are made of; absent where they are made of none. */
  copiedAt?: number;
  /** The volume has been delivered for another owner key since. */
  supersededAt?: number;
}

/** The pod whose volume it is. */
export interface VolumePod {
  namespace: string;
  name: string;
  uid: string;
}

export type VolumeRecordOf = Pick<VolumeRecord, "ownerKey" | "namespace" | "volumeKey" | "pod">;

/**
 * Its answer, if it is alive. Look it up at each use: code that waits for its turn or for Vault must not keep an answer that
 * the cache has dropped meanwhile, since its memory would not be counted.
 */
export function heldBy({ answer }: CacheEntry, now: number): CachedSecret | undefined {
  return answer && isAlive(answer, now) ? answer : undefined;
}

/** Whether files of one volume are made of the entry's credential, and those of another of one before it. */
export function hasPredecessor(entry: CacheEntry): boolean {
  const given = [...entry.users].map(({ delivered }) => delivered.get(entry));
  if (!given.includes(entry.answer)) return false; // What replaces it takes its place.
  return given.some((answer) => answer && answer !== entry.answer && isCredential(answer));
}

/**
 * Its answer, if the volume may be served that for a newer one. Before a volume's first delivery of static answers none may: what
 * an earlier Mount has read, and could not deliver, may be of another moment than the rest of its set.
 */
export function standbyFor({ delivered }: VolumeRecord, entry: CacheEntry, now: number): CachedSecret | undefined {
  const held = heldBy(entry, now);
  if (held?.kind !== "static") return held;
  return [...delivered.values()].some(({ kind }) => kind === "static") ? held : undefined;
}

/** An entry that no volume uses yet. All have the same fields from the start: the engine keeps such objects in one piece. */
export function newEntry(
  { key, ownerKey, namespace, request }: Pick<CacheEntry, "key" | "ownerKey" | "namespace" | "request">,
  answer?: CachedSecret,
): CacheEntry {
  return {
    key,
    ownerKey,
    namespace,
    request,
    users: new SmallSet(),
    answer,
    refreshFailed: false,
    invalid: false,
    denied: false,
    creating: false,
    roomBytes: undefined,
    readers: 0,
  };
}

/** Whether it holds a live credential, or one is being created for it. */
export function holdsCredential(volume: VolumeRecord, now: number): boolean {
  return [...volume.entries].some(
    ({ answer, creating }) => creating || (answer && isCredential(answer) && answer.term && isAlive(answer, now)),
  );
}
