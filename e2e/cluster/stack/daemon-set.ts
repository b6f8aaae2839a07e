import { eventually } from "../../stack/eventually.js";
import type { KubeApi, KubeObject } from "../../stack/kube-api.js";

interface DaemonSetObject extends KubeObject {
  spec: { template: { spec: { nodeSelector?: Record<string, string> } } };
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

  /** Takes it from the node, and waits until its pod is gone. */
  async pause(signal: AbortSignal): Promise<void> {
    await this.#select({ "kubernetes.io/hostname": "elsewhere" });
    await eventually(async () => {
      const { status } = await this.api.get<DaemonSetObject>(this.#identity);
      if (status.currentNumberScheduled + status.numberMisscheduled !== 0) throw new Error("its pod is still there");
    }, signal);
  }

  /** Puts it back. */
  async resume(signal: AbortSignal): Promise<void> {
    await this.#select(undefined);
    await this.untilReady(signal);
  }

  async #select(nodeSelector: Record<string, string> | undefined): Promise<void> {
    const found = await this.api.get<DaemonSetObject>(this.#identity);
    const { template } = found.spec;
    const { nodeSelector: _, ...spec } = template.spec;
    const newSpec = nodeSelector ? { ...spec, nodeSelector } : spec;
    await this.api.replace({ ...found, spec: { ...found.spec, template: { ...template, spec: newSpec } } });
  }
}
