import { join } from "node:path";
import type { ApiServer } from "./api-server.js";
import { KubeApi } from "./kube-api.js";
import type { Binaries } from "./programs.js";
import { Service } from "./service.js";

export interface ControllerManagerOptions {
  readonly binaries: Binaries;
  readonly logs: string;
  /** The administrator's. */
  readonly kubeconfig: string;
  readonly server: ApiServer;
  /** As the flag of that name takes them. */
  readonly controllers: readonly string[];
}

/** A kube-controller-manager; ready when it has made the first service account. */
export async function startControllerManager(options: ControllerManagerOptions, signal: AbortSignal): Promise<Service> {
  const { binaries, logs, kubeconfig, server, controllers } = options;
  const api = new KubeApi(server.access);
  const service = new Service({
    name: "kube-controller-manager",
    command: binaries["kube-controller-manager"],
    args: [
      `--kubeconfig=${kubeconfig}`,
      "--leader-elect=false",
      "--secure-port=0",
      `--controllers=${controllers.join(",")}`,
      `--service-account-private-key-file=${server.serviceAccountKey}`,
      `--root-ca-file=${server.caFile}`,
    ],
    log: join(logs, "kube-controller-manager.log"),
    ready: () => api.get({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } }),
  });
  await service.start(signal);
  return service;
}
