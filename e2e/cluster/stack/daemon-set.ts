import { eventually } from "../../stack/eventually.js";
import type { KubeApi, KubeObject } from "../../stack/kube-api.js";

interface DaemonSetObject extends KubeObject {
  spec: {
    template: {
      metadata: { annotations?: Record<string, string> };
      spec: { nodeSelector?: Record<string, string> };
    };
  };
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
    const found = await this.api.get<DaemonSetObject>(this.#identity);
    const { template } = found.spec;
    const annotations = { ...template.metadata.annotations, "e2e/rolled": new Date().toISOString() };
    const metadata = { ...template.metadata, annotations };
    await this.api.replace({ ...found, spec: { ...found.spec, template: { ...template, metadata } } });
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
    await this.#select(undefined);
  }

  async #select(nodeSelector: Record<string, string> | undefined): Promise<void> {
    const found = await this.api.get<DaemonSetObject>(this.#identity);
    const { template } = found.spec;
    const { nodeSelector: _, ...spec } = template.spec;
    const newSpec = nodeSelector ? { ...spec, nodeSelector } : spec;
    await this.api.replace({ ...found, spec: { ...found.spec, template: { ...template, spec: newSpec } } });
  }
}
