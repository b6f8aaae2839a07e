import type { PodEvent } from "../kube/pod-event.js";
import type { MountSpec } from "../mount/mount-spec.js";
import type { MountedVolume } from "../mount/mount-volume.js";
import type { ProviderError } from "../shared/errors.js";

/** Volumes remembered at once, the longest unheard of forgotten first. */
const mostVolumes = 8_192;

interface KnownVolume {
  pod: PodEvent["pod"];
  /** For a message: `the volume of class web`. */
  name: string;
  /** Whether its last Mount served stale files or failed. */
  troubled: boolean;
}

/**
 * Events for what a pod's owner cannot see: the driver answers the kubelet with success when a republish fails, and keeps the files
 * (driver 1.6.0 nodeserver.go). A first mount that fails is reported by the kubelet, so it gets no event here;
 * nor does a volume of the previous process before this one has served it.
 */
export class PodEvents {
  readonly #note: (event: PodEvent) => void;
  /** By target path. */
  readonly #volumes = new Map<string, KnownVolume>();

  constructor(note: (event: PodEvent) => void) {
    this.#note = note;
  }

  /** A Mount was answered; `held` are the objects for which older answers stand in. */
  mounted(spec: MountSpec, { held }: Pick<MountedVolume, "held">): void {
    const wasTroubled = this.#volumes.get(spec.targetPath)?.troubled ?? false;
    const volume = knownVolume(spec, held.length > 0);
    if (!volume) return;
    this.#remember(spec.targetPath, volume);
    const why = held.map(({ error }) => error.message).join("; ");
    if (volume.troubled) this.#tell(volume, "Warning", "SecretsNotRefreshed", `keeps older files: ${why}`);
    else if (wasTroubled) this.#tell(volume, "Normal", "SecretsRefreshed", "is up to date again");
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
function knownVolume({ pod, className, targetPath }: MountSpec, troubled: boolean): KnownVolume | undefined {
  const { namespace, name, uid } = pod;
  if (name === "" || uid === "" || !targetPath.includes(`/pods/${uid}/`)) return undefined;
  return { pod: { namespace, name, uid }, name: className ? `the volume of class ${className}` : "a volume", troubled };
}
