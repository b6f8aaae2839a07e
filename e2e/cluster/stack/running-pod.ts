import type { KubeObject } from "../../stack/kube-api.js";
import type { Cluster } from "./cluster.js";
import { execInContainer } from "./container-exec.js";

export interface PodObject extends KubeObject {
  metadata: KubeObject["metadata"] & { uid: string; labels?: Record<string, string>; deletionTimestamp?: string };
  status: {
    phase: string;
    podIP?: string;
    containerStatuses?: { name: string; ready: boolean; restartCount: number; containerID?: string }[];
  };
}

export interface SeenFile {
  readonly text: string;
  readonly bytes: Buffer;
  /** Permission bits, octal as `ls` users know them. */
  readonly mode: string;
}

/** One line for every file below the folder that is not the driver's own: its path, its mode and its content. */
const describeFiles = `cd "$1" && find . -follow -type f -not -path './..*' | sort | while read -r file; do
  echo "$file $(stat -L -c %a "$file") $(base64 "$file" | tr -d '\\n')"
done`;

/** A pod whose container runs, seen from inside. */
export class RunningPod {
  constructor(
    readonly cluster: Cluster,
    readonly object: PodObject,
  ) {}

  get name(): string {
    return this.object.metadata.name;
  }

  get uid(): string {
    return this.object.metadata.uid;
  }

  get ip(): string {
    return this.object.status.podIP ?? "";
  }

  /** What a command prints in the container, run as the container's user. Throws when it fails. */
  async exec(command: string, ...args: string[]): Promise<string> {
    const container = this.object.status.containerStatuses?.[0]?.containerID?.replace("containerd://", "");
    if (!container) throw new Error(`${this.name} has no container`);
    return execInContainer(this.cluster.containerd, container, [command, ...args]);
  }

  /** Path → file of every file of a volume, as the container's user can read it. */
  async files(volume: string): Promise<Record<string, SeenFile>> {
    const lines = (await this.exec("sh", "-c", describeFiles, "sh", `/mnt/${volume}`)).split("\n").filter(Boolean);
    const entries = lines.map((line) => {
      const [path = "", mode = "", content = ""] = line.split(" ");
      const bytes = Buffer.from(content, "base64");
      return [path.replace("./", ""), { text: bytes.toString("utf8"), bytes, mode }] as const;
    });
    return Object.fromEntries(entries);
  }

  /** Path → text of every file of a volume. */
  async texts(volume: string): Promise<Record<string, string>> {
    const files = Object.entries(await this.files(volume));
    return Object.fromEntries(files.map(([path, { text }]) => [path, text]));
  }
}
