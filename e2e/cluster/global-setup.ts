import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { type Images, type Prepared, readPrepared } from "../prepared.js";
import { applyDriverManifests } from "../stack/driver-manifests.js";
import type { Cluster } from "./stack/cluster.js";
import { startServiceController } from "./stack/service-controller.js";
import { startControlPlane } from "./stack/control-plane.js";
import { installKeymount } from "./stack/keymount.js";
import { startClusterNode } from "./stack/node.js";
import { startVault } from "./stack/vault.js";

/** Starts a cluster of one node, installs keymount on it, and ends all of it again, whether the tests pass or fail. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const interrupted = new AbortController();
  process.once("exit", () => interrupted.abort());
  const endings: (() => Promise<void> | void)[] = [];
  const tearDown = async () => {
    for (const end of endings.splice(0).reverse()) await end();
  };
  try {
    const prepared = readPrepared();
    if (!prepared.images) throw new Error("no images were built for this run: name a file in cluster/");
    project.provide("cluster", await startCluster(inFolder(prepared), prepared.images, endings, interrupted.signal));
  } catch (error) {
    await tearDown();
    throw error;
  }
  return tearDown;
}

/** Apart from what the other project runs at the same time. */
function inFolder(prepared: Prepared): Prepared {
  return { ...prepared, directory: join(prepared.directory, "c"), logs: join(prepared.logs, "cluster") };
}

async function startCluster(
  prepared: Prepared,
  images: Images,
  endings: (() => Promise<void> | void)[],
  signal: AbortSignal,
): Promise<Cluster> {
  const started = performance.now();
  const { binaries, directory, logs } = prepared;
  const plane = await startControlPlane(prepared, signal);
  endings.push(plane.stop);
  const { access } = plane.server;
  await applyDriverManifests(access, prepared.kubernetes, signal);
  const { vault: vaultImage, ...ofNode } = images;
  const node = await startClusterNode(prepared, Object.values(ofNode), plane.server, endings, signal);
  const vault = await startVault({ binary: binaries.vault, directory, logs, kubernetes: access }, signal);
  endings.push(vault.stop);
  const socket = join(directory, "services.sock");
  const services = {
    ...node.services,
    "kube-apiserver": plane.server.service,
    vault: vault.service,
  };
  endings.push(await startServiceController(socket, services, signal));
  const cluster: Cluster = {
    binaries,
    directory,
    logs,
    keep: Boolean(process.env["KEYMOUNT_E2E_KEEP"]),
    kubernetes: access,
    kubeconfig: plane.kubeconfig,
    etcd: plane.etcd,
    serviceAccountKey: plane.server.serviceAccountKey,
    vault: vault.access,
    vaultImage,
    containerd: node.containerd,
    nodeRoot: node.root,
    servicesSocket: socket,
  };
  await installKeymount(cluster, signal);
  console.log(`e2e: the cluster is up after ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return cluster;
}
