import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { KubeApi } from "../../stack/kube-api.js";
import type { Cluster } from "./cluster.js";
import { keymountNamespace, sharedInstance } from "./keymount.js";
import type { PodObject } from "./running-pod.js";

const cgroups = "/sys/fs/cgroup";

/** The container in which an instance of keymount runs now. */
export interface ProviderContainer {
  readonly id: string;
  /** Of its one process, on the node. */
  readonly pid: number;
  /** How often the kubelet has started it again in its pod. */
  readonly restarts: number;
  /** As the kubelet has told the API server last. */
  readonly isReady: boolean;
}

export async function providerContainer(
  cluster: Cluster,
  kube: KubeApi,
  release = sharedInstance,
): Promise<ProviderContainer> {
  const pods = await kube.list<PodObject>({ apiVersion: "v1", kind: "Pod" }, keymountNamespace);
  const pod = pods.find(({ metadata }) => metadata.labels?.["app.kubernetes.io/instance"] === release);
  const { containerID, restartCount = 0, ready = false } = pod?.status.containerStatuses?.[0] ?? {};
  const id = containerID?.replace("containerd://", "");
  if (!id) throw new Error("keymount has no container");
  const ctr = [`--address=${cluster.containerd}`, "--namespace=k8s.io", "tasks", "list"];
  const { stdout } = await promisify(execFile)("ctr", ctr);
  const [, pid] = new RegExp(`^${id}\\s+(\\d+)\\s+RUNNING`, "m").exec(stdout) ?? [];
  if (!pid) throw new Error(`container ${id} does not run`);
  return { id, pid: Number(pid), restarts: restartCount, isReady: ready };
}

/** The most memory the container's group ever held, its page cache with it; bytes. Both cgroup versions. */
export async function mostMemory({ pid }: ProviderContainer): Promise<number> {
  const groups = (await readFile(`/proc/${pid}/cgroup`, "utf8")).split("\n").map((line) => line.split(":"));
  const of = (controllers: string) => groups.find(([, names]) => names === controllers)?.[2] ?? "";
  const old = join(cgroups, "memory", of("memory"), "memory.max_usage_in_bytes");
  return Number(await readFile(existsSync(old) ? old : join(cgroups, of(""), "memory.peak"), "utf8"));
}
