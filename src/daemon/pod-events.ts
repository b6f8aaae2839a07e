import { createHash } from "node:crypto";
import type { PodEvent } from "../kube/pod-event.js";
import type { MountSpec } from "../mount/mount-spec.js";
import type { MountedVolume, ObjectVersion } from "../mount/mount-volume.js";
import type { ProviderError } from "../shared/errors.js";
import { namesThereAre } from "../shared/quoted.js";

/** Volumes remembered at once, the longest unheard of forgotten first. */
const mostVolumes = 8_192;

interface KnownVolume {
  pod: PodEvent["pod"];
  /** For a message: `the volume of class web`. */
  name: string;
  /** Whether its last Mount served stale files or failed. */
  troubled: boolean;
  /** A mark of each object's content. */
  contents: Uint32Array;
}

/**
 * Events for what a pod's owner cannot see: the driver answers the kubelet with success when a republish fails, and keeps the files
 * (driver 1.6.0 nodeserver.go). A first mount that fails is reported by the kubelet, so it gets no event here;
 * nor does a volume of the previous process before this one has served it, whatever has changed by then.
 */
export class PodEvents {
  readonly #note: (event: PodEvent) => void;
  /** By target path. */
  readonly #volumes = new Map<string, KnownVolume>();

  constructor(note: (event: PodEvent) => void) {
    this.#note = note;
  }

  /** A Mount was answered; `stale` are the objects for which older answers stand in. */
  mounted(
    spec: MountSpec,
    { stale, contents, unchanged }: Pick<MountedVolume, "stale" | "contents" | "unchanged">,
  ): void {
    const before = this.#volumes.get(spec.targetPath);
    const marks = unchanged && before ? before.contents : Uint32Array.from(contents, markOf);
    const volume = knownVolume(spec, stale.length > 0, marks);
    if (!volume) return;
    this.#remember(spec.targetPath, volume);
    if (before) this.#tellChanges(volume, before, contents);
    const ages = stale.flatMap(({ copyAgeMs }) => copyAgeMs ?? []);
    const why = stale.map(({ error }) => error.message).join("; ");
    if (ages.length > 0) {
      const hours = Math.ceil(Math.max(...ages) / 3_600_000);
      const message = `is made of copies of secrets that were read up to ${hours} h ago: ${why}`;
      this.#tell(volume, "Warning", "SecretsFromCache", message);
    } else if (volume.troubled) this.#tell(volume, "Warning", "SecretsNotRefreshed", `keeps older files: ${why}`);
    else if (before?.troubled) this.#tell(volume, "Normal", "SecretsRefreshed", "is up to date again");
  }

  /** A Mount failed. Of a volume that is not known, the kubelet tells. */
  refused(targetPath: string, error: ProviderError): void {
    const volume = this.#volumes.get(targetPath);
    if (!volume || error.code === "cancelled") return;
    this.#remember(targetPath, { ...volume, troubled: true });
    this.#tell(volume, "Warning", "SecretsNotRefreshed", `keeps its files: ${error.message}`);
  }

  /** A credential of the volume ends, and no Mount has come to replace it. */
  credentialEnds(targetPath: string, path: string, seconds: number): void {
    const volume = this.#volumes.get(targetPath);
    if (!volume) return;
    const message = `holds a credential of ${path} that ends in ${seconds} s, and no republish comes to replace it`;
    this.#tell(volume, "Warning", "SecretsEnding", message);
  }

  #tellChanges(volume: KnownVolume, before: KnownVolume, contents: readonly ObjectVersion[]): void {
    if (volume.contents === before.contents) return;
    const changed = contents.filter((_, index) => !before.contents.includes(volume.contents[index]!));
    if (changed.length === 0) return;
    const names = namesThereAre(changed.map(({ id }) => id));
    this.#tell(volume, "Normal", "SecretsChanged", `has new content: ${names}`);
  }

  #remember(targetPath: string, volume: KnownVolume): void {
    this.#volumes.delete(targetPath);
    this.#volumes.set(targetPath, volume);
    const [oldest] = this.#volumes.keys();
    if (this.#volumes.size > mostVolumes) this.#volumes.delete(oldest!);
  }

  #tell({ pod, name }: KnownVolume, type: PodEvent["type"], reason: string, message: string): void {
    this.#note({ pod, type, reason, message: `${name} ${message}` });
  }
}

/** Only a pod's own volume has a pod to tell of. */
function knownVolume(
  { pod, className, targetPath }: MountSpec,
  troubled: boolean,
  contents: Uint32Array,
): KnownVolume | undefined {
  const { namespace, name, uid } = pod;
  if (name === "" || uid === "" || !targetPath.includes(`/pods/${uid}/`)) return undefined;
  const shown = className ? `the volume of class ${className}` : "a volume";
  return { pod: { namespace, name, uid }, name: shown, troubled, contents };
}

/** Four bytes: thousands of volumes have a hundred objects each. */
function markOf(object: ObjectVersion): number {
  return createHash("sha256").update(`${object.id}\0${object.version}`).digest().readUInt32BE();
}
