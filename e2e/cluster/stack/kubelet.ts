import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type KubeAccess, KubeApi } from "../../stack/kube-api.js";
import { writeKubeconfig } from "../../stack/kubeconfig.js";
import type { Binaries } from "../../stack/programs.js";
import { Service } from "../../stack/service.js";
import { addresses, nodeName } from "./addresses.js";

/** How often the kubelet looks at each pod, and so republishes its volumes; a minute unless told. */
const syncFrequency = "10s";

/** The longest from one republish to the next: the kubelet adds up to half of it (pod_workers.go, workerResyncIntervalJitterFactor). */
export const republishMs = 15_000;

export interface KubeletOptions {
  readonly binaries: Binaries;
  readonly directory: string;
  readonly logs: string;
  readonly cgroup: string;
  readonly root: string;
  readonly containerd: string;
  /** The kubelet's own. */
  readonly access: KubeAccess;
  readonly administrator: KubeAccess;
}

/** The real kubelet, which runs pods of this node; ready when the node is. */
export async function startKubelet(options: KubeletOptions, signal: AbortSignal): Promise<Service> {
  const { binaries, directory, logs, root, access, administrator } = options;
  const folder = join(directory, "kubelet");
  await mkdir(folder, { recursive: true });
  const kubeconfig = await writeKubeconfig(join(folder, "kubeconfig"), access);
  const config = join(folder, "config.json");
  await writeFile(config, JSON.stringify(configuration(options, join(folder, "pod-logs"))));
  const api = new KubeApi(administrator);
  const service = new Service({
    name: "kubelet",
    command: binaries.kubelet,
    args: [
      `--config=${config}`,
      `--kubeconfig=${kubeconfig}`,
      `--root-dir=${root}`,
      `--cert-dir=${join(folder, "pki")}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${addresses.node}`,
    ],
    log: join(logs, "kubelet.log"),
    stopSignal: "SIGTERM",
    ready: async () => {
      const node = await api.request<NodeObject>("GET", `/api/v1/nodes/${nodeName}`);
      const ready = node.status.conditions.find(({ type }) => type === "Ready");
      if (ready?.status !== "True") throw new Error(`${nodeName} is not ready: ${ready?.message}`);
    },
  });
  await service.start(signal);
  return service;
}

interface NodeObject {
  status: { conditions: { type: string; status: string; message: string }[] };
}

const configuration = ({ cgroup, containerd }: KubeletOptions, podLogsDir: string) => ({
  apiVersion: "kubelet.config.k8s.io/v1beta1",
  kind: "KubeletConfiguration",
  containerRuntimeEndpoint: `unix://${containerd}`,
  cgroupDriver: "cgroupfs",
  cgroupRoot: `/${cgroup}`,
  failCgroupV1: false,
  failSwapOn: false,
  enforceNodeAllocatable: [],
  // The network belongs to this run and cannot be reached from outside.
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: "AlwaysAllow" },
  syncFrequency,
  // A node here is as full as the machine it shares.
  evictionHard: { "nodefs.available": "0%", "imagefs.available": "0%", "memory.available": "1Mi" },
  imageGCHighThresholdPercent: 100,
  oomScoreAdj: 0,
  podLogsDir,
  resolvConf: "",
  registerWithTaints: [],
});
