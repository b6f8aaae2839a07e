import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Far below the second or more that an empty volume lasts. */
const everyMs = 200;

export interface Seen {
  /** How many pods had a container while the watch lasted. */
  readonly pods: number;
  /** One line for each pod whose container was there and whose volume lacked a file, or had an empty one. */
  readonly lacking: readonly string[];
}

/**
 * Looks on the node, which needs no API server, at every volume of that name: from the moment the kubelet makes a pod's
 * container, all these files must be there and none be empty. Resolves when ended; pods may be removed only then.
 */
export function watchVolumes(nodeRoot: string, volume: string, files: readonly string[]): () => Promise<Seen> {
  const ended = new AbortController();
  const pods = new Set<string>();
  const lacking = new Map<string, string>();
  const look = async (pod: string) => {
    const folder = join(nodeRoot, "pods", pod);
    if (!(await isOfVolume(folder, volume)) || !(await hasContainer(folder))) return;
    pods.add(pod);
    const missing = await lackingOf(mountOf(folder, volume), files);
    if (missing.length > 0 && !lacking.has(pod)) {
      lacking.set(pod, `${new Date().toISOString()} pod ${pod} runs without ${missing.join(", ")}`);
    }
  };
  const watching = (async () => {
    while (!ended.signal.aborted) {
      await Promise.all((await namesIn(join(nodeRoot, "pods"))).map(look));
      await sleep(everyMs, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  })();
  return async () => {
    ended.abort();
    await watching;
    return { pods: pods.size, lacking: [...lacking.values()] };
  };
}

/** How many pods of the node have a volume of that name with all these files. */
export async function mountedVolumes(nodeRoot: string, volume: string, files: readonly string[]): Promise<number> {
  const mounts = (await namesIn(join(nodeRoot, "pods"))).map((pod) => mountOf(join(nodeRoot, "pods", pod), volume));
  const missing = await Promise.all(mounts.map((mount) => lackingOf(mount, files)));
  return missing.filter(({ length }) => length === 0).length;
}

const mountOf = (pod: string, volume: string) => join(pod, "volumes/kubernetes.io~csi", volume, "mount");

const isOfVolume = async (pod: string, volume: string) =>
  (await namesIn(join(pod, "volumes/kubernetes.io~csi"))).includes(volume);

/** The kubelet makes a container's termination log just before the container, after all volumes. kuberuntime_container.go makeMounts. */
const hasContainer = async (pod: string) => (await namesIn(join(pod, "containers/app"))).length > 0;

async function lackingOf(mount: string, files: readonly string[]): Promise<string[]> {
  const bytes = await Promise.all(files.map((file) => readFile(join(mount, file)).catch(() => Buffer.alloc(0))));
  return files.filter((_, index) => bytes[index]!.length === 0);
}

/** None where there is no such folder: pods come and go. */
const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
