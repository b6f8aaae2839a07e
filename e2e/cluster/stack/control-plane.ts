import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ApiServer, startApiServer } from "../../stack/api-server.js";
import { startControllerManager } from "../../stack/controller-manager.js";
import { startEtcd } from "../../stack/etcd.js";
import { writeKubeconfig } from "../../stack/kubeconfig.js";
import type { Binaries } from "../../stack/programs.js";
import type { Service } from "../../stack/service.js";
import { addresses, nodeName } from "./addresses.js";
import { startScheduler } from "./scheduler.js";

export interface ControlPlane {
  readonly server: ApiServer;
  readonly scheduler: Service;
  readonly kubeconfig: string;
  readonly etcd: string;
  readonly stop: () => Promise<void>;
}

/** etcd, API server, all controllers and the scheduler, where the node and its pods reach them. Secrets are encrypted at rest. */
export async function startControlPlane(
  folders: { binaries: Binaries; directory: string; logs: string },
  signal: AbortSignal,
): Promise<ControlPlane> {
  const etcd = await startEtcd(folders, signal);
  const encryption = await writeEncryption(folders.directory);
  const server = await startApiServer(
    {
      ...folders,
      ...addresses.apiServer,
      etcd: etcd.address,
      nodes: [nodeName],
      flags: [`--encryption-provider-config=${encryption}`, "--kubelet-preferred-address-types=InternalIP"],
    },
    signal,
  );
  const kubeconfig = await writeKubeconfig(join(folders.directory, "kube", "admin.kubeconfig"), server.access);
  const manager = await startControllerManager({ ...folders, server, kubeconfig, controllers: ["*"] }, signal);
  const scheduler = await startScheduler({ ...folders, kubeconfig }, signal);
  const stop = async () => {
    await scheduler.stop();
    await manager.stop();
    await server.service.stop();
    await etcd.stop();
  };
  return { server, scheduler, kubeconfig, etcd: etcd.address, stop };
}

async function writeEncryption(directory: string): Promise<string> {
  const folder = join(directory, "kube");
  await mkdir(folder, { recursive: true });
  const file = join(folder, "encryption.json");
  const key = { name: "key1", secret: randomBytes(32).toString("base64") };
  const text = JSON.stringify({
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    resources: [{ resources: ["secrets"], providers: [{ secretbox: { keys: [key] } }, { identity: {} }] }],
  });
  await writeFile(file, text, { mode: 0o600 });
  return file;
}
