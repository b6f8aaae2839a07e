import { eventually } from "../../stack/eventually.js";
import type { KubeApi, KubeObject } from "../../stack/kube-api.js";

interface PodTemplate {
  metadata: { annotations?: Record<string, string> };
  spec: { nodeSelector?: Record<string, string> };
}

interface DaemonSetObject extends KubeObject {
  spec: { template: PodTemplate };
  status: {
    numberReady: number;
    updatedNumberScheduled?: number;
    currentNumberScheduled: number;
    numberMisscheduled: number;
  };
}

/** One DaemonSet of the cluster, whose one node makes it one pod. */
export class DaemonSet {
  readonly #identity: KubeObject;

  constructor(
    readonly api: KubeApi,
    namespace: string,
    name: string,
  ) {
    this.#identity = { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name, namespace } };
  }

  /** Waits until its pod is of the newest template, and ready. */
  async untilReady(signal: AbortSignal): Promise<void> {
    await eventually(async () => {
      const { status } = await this.api.get<DaemonSetObject>(this.#identity);
      if (status.numberReady !== 1 || status.updatedNumberScheduled !== 1) {
        throw new Error(`${this.#identity.metadata.name} is not ready: ${JSON.stringify(status)}`);
      }
    }, signal);
  }

  /** Has its pod replaced, as every change of the template does. */
  async roll(): Promise<void> {
    await this.#change(({ metadata, ...template }) => {
      const annotations = { ...metadata.annotations, "e2e/rolled": new Date().toISOString() };
      return { ...template, metadata: { ...metadata, annotations } };
    });
  }

  /** Takes it from the node, and waits until its pod is gone. */
  async pause(signal: AbortSignal): Promise<void> {
    await this.sendAway();
    await eventually(async () => {
      const { status } = await this.api.get<DaemonSetObject>(this.#identity);
      if (status.currentNumberScheduled + status.numberMisscheduled !== 0) throw new Error("its pod is still there");
    }, signal);
  }

  /** Puts it back. */
  async resume(signal: AbortSignal): Promise<void> {
    await this.callBack();
    await this.untilReady(signal);
  }

  /** Its pod goes from the node as soon as there is a kubelet to end it. */
  async sendAway(): Promise<void> {
    await this.#select({ "kubernetes.io/hostname": "elsewhere" });
  }

  /** Its pod comes back as soon as there is a kubelet to start it. */
  async callBack(): Promise<void> {
    await this.#select({ "kubernetes.io/os": "linux" });
  }

  async #select(nodeSelector: Record<string, string>): Promise<void> {
    await this.#change((template) => ({ ...template, spec: { ...template.spec, nodeSelector } }));
  }

  async #change(change: (template: PodTemplate) => PodTemplate): Promise<void> {
    await this.api.change<DaemonSetObject>(this.#identity, (found) => ({
      ...found,
      spec: { ...found.spec, template: change(found.spec.template) },
    }));
  }
}
