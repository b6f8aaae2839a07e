import { join } from "node:path";
import { startApiServer } from "./api-server.js";
import { startControllerManager } from "./controller-manager.js";
import { startEtcd } from "./etcd.js";
import { freePorts } from "../../dev/testing/free-ports.js";
import type { KubeAccess } from "./kube-api.js";
import { writeKubeconfig } from "./kubeconfig.js";
import type { Binaries } from "./programs.js";

/** Controllers that a cluster without nodes can use. Those that watch nodes would delete the tests' pods. */
const controllers = [
  "serviceaccount-controller",
  "root-ca-certificate-publisher-controller",
  "namespace-controller",
  "garbage-collector-controller",
  "clusterrole-aggregation-controller",
];

export interface Kubernetes {
  readonly access: KubeAccess;
  readonly stop: () => Promise<void>;
}

interface Folders {
  readonly binaries: Binaries;
  readonly directory: string;
  readonly logs: string;
}

/** etcd, kube-apiserver and kube-controller-manager on loopback: service accounts, tokens, RBAC and CRDs for real. */
export async function startKubernetes(folders: Folders, signal: AbortSignal): Promise<Kubernetes> {
  const etcd = await startEtcd(folders, signal);
  const { https } = await freePorts("https");
  const server = await startApiServer({ ...folders, etcd: etcd.address, ip: "127.0.0.1", port: https }, signal);
  const kubeconfig = await writeKubeconfig(join(folders.directory, "kube", "admin.kubeconfig"), server.access);
  const manager = await startControllerManager({ ...folders, server, kubeconfig, controllers }, signal);
  return {
    access: server.access,
    stop: async () => {
      await manager.stop();
      await server.service.stop();
      await etcd.stop();
    },
  };
}
