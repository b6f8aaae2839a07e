import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "./eventually.js";
import type { Kubelet, Pod } from "./kubelet.js";

/** The driver reads classes from a cache that is some milliseconds behind the API server. utils.go getSecretProviderItem. */
const driverLags = /failed to get secretproviderclass/i;

/** One CSI volume of a pod, as the kubelet handles it and as the pod sees it. */
export class Volume {
  constructor(
    readonly kubelet: Kubelet,
    readonly pod: Pod,
    readonly name: string,
  ) {}

  get folder(): string {
    return this.kubelet.folder(this.pod, this.name);
  }

  /** One attempt of the kubelet. Throws `MountFailed`. */
  async publish(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        return await this.kubelet.publish(this.pod, this.name);
      } catch (error) {
        if (!driverLags.test(String(error))) throw error;
        await sleep(50, undefined, { signal });
      }
    }
  }

  async unpublish(): Promise<void> {
    await this.kubelet.unpublish(this.pod, this.name);
  }

  /** Tries as the kubelet does until the volume is mounted. Throws the last refusal when the signal aborts. */
  async publishUntilMounted(signal: AbortSignal): Promise<void> {
    await eventually(() => this.publish(signal), signal);
  }

  /** Publishes every second, and looks after each time, until the check holds. Throws its last failure after `ms`. */
  async republishUntil(check: () => Promise<void>, signal: AbortSignal, ms: number): Promise<void> {
    const publishAndCheck = async () => {
      await this.publish(signal);
      await sleep(900, undefined, { signal });
      await check();
    };
    await eventually(publishAndCheck, signal, ms);
  }

  /** Path → text of every file that the pod sees; nothing when the volume is empty or not there. */
  async texts(): Promise<Record<string, string>> {
    return this.#eachFile((path) => readFile(path, "utf8"));
  }

  /** Path → permission bits, octal as `ls` users know them. */
  async modes(): Promise<Record<string, string>> {
    return this.#eachFile(async (path) => ((await stat(path)).mode & 0o7777).toString(8));
  }

  async bytes(path: string): Promise<Buffer> {
    return readFile(join(this.folder, path));
  }

  /** Object → version, from the status object that the driver keeps. SecretProviderClassPodStatus. */
  async versions(): Promise<Record<string, string>> {
    return this.kubelet.objectVersions(this.pod, this.name);
  }

  async #eachFile<T>(look: (path: string) => Promise<T>): Promise<Record<string, T>> {
    const seen: Record<string, T> = {};
    for (const path of await visibleFiles(this.folder)) seen[relative(this.folder, path)] = await look(path);
    return seen;
  }
}

/** The driver's atomic writer keeps the data in a folder whose name starts with "..", and links to it. */
async function visibleFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const paths = names.filter((name) => !name.startsWith("..")).map((name) => join(folder, name));
  const nested = await Promise.all(
    paths.map(async (path) => ((await stat(path)).isDirectory() ? visibleFiles(path) : [path])),
  );
  return nested.flat().sort();
}
