import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CsiClient, MountFailed } from "./csi-client.js";
import { KubeApi, type KubeObject } from "./kube-api.js";
import { mountedUnder } from "./mounts.js";
import type { Stack } from "./stack.js";

export interface PodSpec {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Volume name → the CSI volume's attributes, `secretProviderClass` among them. */
  readonly volumes: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface Pod extends PodSpec {
  readonly name: string;
  readonly uid: string;
}

/**
 * Plays the kubelet towards the driver: csi.v1.Node calls with the volume context, the pod-bound tokens and the target
 * directory that the kubelet would make, and its cleaning up after a failure. Pods are real objects of the API server.
 */
export class Kubelet {
  readonly #api: KubeApi;
  readonly #csi: CsiClient;

  constructor(
    stack: Stack,
    readonly nodeName: string,
    readonly root: string,
    csiSocket: string,
  ) {
    this.#api = new KubeApi(stack.kubernetes);
    this.#csi = new CsiClient(stack.csiProto, csiSocket);
  }

  close(): void {
    this.#csi.close();
  }

  /** Asks what the kubelet asks when a driver registers. */
  async driverAnswers(): Promise<void> {
    await this.#csi.call("nodeGetInfo", {});
  }

  /** A pod that is bound to this node but never runs. */
  async createPod(spec: PodSpec): Promise<Pod> {
    const volumes = Object.entries(spec.volumes).map(([name, volumeAttributes]) => ({
      name,
      csi: { driver: "secrets-store.csi.k8s.io", readOnly: true, volumeAttributes },
    }));
    const { metadata } = await this.#api.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `pod-${randomBytes(4).toString("hex")}`, namespace: spec.namespace },
      spec: {
        nodeName: this.nodeName,
        serviceAccountName: spec.serviceAccount,
        containers: [{ name: "app", image: "none" }],
        volumes,
      },
    });
    return { ...spec, name: metadata.name, uid: metadata.uid };
  }

  /** Deletes the pod's object; its volumes stay, as they do until the kubelet unpublishes them. */
  async deletePod({ name, namespace }: Pod): Promise<void> {
    await this.#api.delete({ apiVersion: "v1", kind: "Pod", metadata: { name, namespace } });
  }

  /** Where a volume's files appear on the node. */
  folder(pod: Pod, volume: string): string {
    return join(this.root, "pods", pod.uid, "volumes", "kubernetes.io~csi", volume, "mount");
  }

  /** One NodePublishVolume, after which the target directory is as the kubelet leaves it. csi_mounter.go SetUpAt. */
  async publish(pod: Pod, volume: string): Promise<void> {
    const folder = this.folder(pod, volume);
    await mkdir(dirname(folder), { recursive: true, mode: 0o750 });
    await writeFile(join(dirname(folder), "vol_data.json"), "{}");
    try {
      await this.#csi.call("nodePublishVolume", {
        volume_id: `csi-${pod.uid}-${volume}`,
        target_path: folder,
        readonly: true,
        volume_capability: { mount: {}, access_mode: { mode: "SINGLE_NODE_WRITER" } },
        volume_context: { ...pod.volumes[volume], ...(await this.#podContext(pod)) },
      });
    } catch (error) {
      if (error instanceof MountFailed && error.final) await removeMountFolder(folder);
      throw error;
    }
  }

  async unpublish(pod: Pod, volume: string): Promise<void> {
    const folder = this.folder(pod, volume);
    await this.#csi.call("nodeUnpublishVolume", { volume_id: `csi-${pod.uid}-${volume}`, target_path: folder });
    await removeMountFolder(folder);
  }

  /** What the driver noted in the API server about a volume's objects: id → version. utils.go createOrUpdate…PodStatus. */
  async objectVersions(pod: Pod, volume: string): Promise<Record<string, string>> {
    const { status } = await this.#api.get<PodStatusObject>(this.podStatus(pod, volume));
    return Object.fromEntries(status.objects.map(({ id, version }) => [id, version]));
  }

  /** The driver's record of a volume, for `KubeApi.get`. */
  podStatus({ name, namespace, volumes }: Pod, volume: string): KubeObject {
    return {
      apiVersion: "secrets-store.csi.x-k8s.io/v1",
      kind: "SecretProviderClassPodStatus",
      metadata: { name: `${name}-${namespace}-${volumes[volume]?.["secretProviderClass"]}`, namespace },
    };
  }

  /** What the kubelet lays over a volume's own attributes: the pod, and a token for each audience of the CSIDriver. */
  async #podContext({ name, uid, namespace, serviceAccount }: Pod): Promise<Record<string, string>> {
    const driver = await this.#api.get<CsiDriverObject>(csiDriverObject);
    const tokens: Record<string, object> = {};
    for (const { audience } of driver.spec.tokenRequests) {
      tokens[audience] = await this.#api.token({ namespace, name: serviceAccount }, { audience, pod: { name, uid } });
    }
    return {
      "csi.storage.k8s.io/pod.name": name,
      "csi.storage.k8s.io/pod.namespace": namespace,
      "csi.storage.k8s.io/pod.uid": uid,
      "csi.storage.k8s.io/serviceAccount.name": serviceAccount,
      "csi.storage.k8s.io/ephemeral": "true",
      "csi.storage.k8s.io/serviceAccount.tokens": JSON.stringify(tokens),
    };
  }
}

interface PodStatusObject extends KubeObject {
  status: { objects: { id: string; version: string }[] };
}

interface CsiDriverObject extends KubeObject {
  spec: { tokenRequests: { audience: string }[] };
}

const csiDriverObject = {
  apiVersion: "storage.k8s.io/v1",
  kind: "CSIDriver",
  metadata: { name: "secrets-store.csi.k8s.io" },
};

/** csi_mounter.go removeMountDir: what is still mounted stays. */
async function removeMountFolder(folder: string): Promise<void> {
  if (mountedUnder(folder).length > 0) return;
  if (existsSync(folder)) await rmdir(folder);
  await rm(join(dirname(folder), "vol_data.json"), { force: true });
  await rmdir(dirname(folder));
}
