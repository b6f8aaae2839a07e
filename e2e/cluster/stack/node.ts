import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Prepared } from "../../prepared.js";
import type { ApiServer } from "../../stack/api-server.js";
import { csiDriverProgram, type DriverVersion, nodePaths } from "../../stack/csi-driver.js";
import { shareMounts } from "../../stack/mounts.js";
import { Service } from "../../stack/service.js";
import { nodeName } from "./addresses.js";
import { startContainerd } from "./containerd.js";
import { registerDriver } from "./driver-registrar.js";
import { startKubelet } from "./kubelet.js";

/** The driver's own setting; a republish within it after a write is skipped. */
const rotationPollInterval = "10s";

/** Where the chart has the providers' sockets, and where drivers look besides. */
export const socketFolders = {
  usual: "/run/secrets-store-csi-providers",
  old: "/etc/kubernetes/secrets-store-csi-providers",
} as const;

export interface ClusterNode {
  readonly root: string;
  readonly containerd: string;
  readonly services: Readonly<Record<"containerd" | "kubelet" | `csi-driver-${DriverVersion}`, Service>>;
}

/** One node: containerd, the driver and the kubelet. Of the two drivers, the newer one runs. What ends it goes to `endings`. */
export async function startClusterNode(
  prepared: Prepared,
  images: readonly string[],
  server: ApiServer,
  endings: (() => Promise<void> | void)[],
  signal: AbortSignal,
): Promise<ClusterNode> {
  const { binaries, directory, logs } = prepared;
  const root = join(directory, "n");
  mkdirSync(root);
  shareMounts(root);
  provideSocketFolders(directory, root);
  const { service: containerd, socket } = await startContainerd({ directory, logs, images }, signal);
  endings.push(() => containerd.stop());
  const driver = async (version: DriverVersion) => {
    const parts = { binaries, kubernetes: server.access, logs };
    const how = { version, nodeName, root, rotationPollInterval, additionalProviders: socketFolders.old };
    return new Service({ ...(await csiDriverProgram(parts, how)), ready: () => connects(nodePaths(root).csiSocket) });
  };
  const drivers = { "csi-driver-1.6.0": await driver("1.6.0"), "csi-driver-1.5.6": await driver("1.5.6") };
  endings.push(async () => void (await Promise.all(Object.values(drivers).map((service) => service.stop()))));
  await drivers["csi-driver-1.6.0"].start(signal);
  endings.push(await registerDriver(root, nodePaths(root).csiSocket));
  const access = server.kubelets[nodeName]!;
  const kubelet = await startKubelet(
    { ...prepared, root, containerd: socket, access, administrator: server.access },
    signal,
  );
  endings.push(() => kubelet.stop());
  return { root, containerd: socket, services: { containerd, kubelet, ...drivers } };
}

/** Inside the run's own mount namespace. /etc is written to in a layer of the run's. */
function provideSocketFolders(directory: string, root: string): void {
  const { providers } = nodePaths(root);
  for (const folder of [providers, socketFolders.usual, join(directory, "etc"), join(directory, "etc-work")]) {
    mkdirSync(folder, { recursive: true });
  }
  execFileSync("mount", ["--bind", providers, socketFolders.usual]);
  const layers = `lowerdir=/etc,upperdir=${directory}/etc,workdir=${directory}/etc-work`;
  execFileSync("mount", ["-t", "overlay", "overlay", "-o", layers, "/etc"]);
  mkdirSync(socketFolders.old, { recursive: true });
}

async function connects(socket: string): Promise<void> {
  const connection = connect(socket);
  await once(connection, "connect");
  connection.destroy();
}
