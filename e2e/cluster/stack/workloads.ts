import { randomBytes } from "node:crypto";
import { eventually } from "../../stack/eventually.js";
import { KubeApi, type KubeObject } from "../../stack/kube-api.js";
import { nodeName } from "./addresses.js";
import type { Cluster } from "./cluster.js";
import { type PodObject, RunningPod } from "./running-pod.js";

export interface PodOptions {
  /** Volume name → the CSI volume's attributes, `secretProviderClass` among them; each is mounted at /mnt/<name>. */
  readonly volumes: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The container's; as root unless said. */
  readonly runAsUser?: number;
  readonly fsGroup?: number;
  /** Environment of the container: what the API takes as `env`. */
  readonly env?: readonly object[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly serviceAccount?: string;
  /** What the container runs; it sleeps unless said. */
  readonly program?: PodProgram;
  /** How the pod ends; by default it is restarted. */
  readonly restartPolicy?: "Never";
}

export interface PodProgram {
  readonly image: string;
  readonly command: readonly string[];
  /** A ConfigMap whose files are at /program. */
  readonly configMap?: string;
}

/**
 * How long pods may take to go, milliseconds: dozens at once, by controllers that have just found the API server
 * again, and a driver that waits up to two minutes for a provider that was away.
 */
const farewellMs = 300_000;

/** Pods and Deployments of one namespace, run by the real kubelet. */
export class Workloads {
  readonly #api: KubeApi;

  constructor(
    readonly cluster: Cluster,
    readonly namespace: string,
    readonly serviceAccount: string,
  ) {
    this.#api = new KubeApi(cluster.kubernetes);
  }

  /** A Deployment's name. Its pods come by and by. */
  async createDeployment(options: PodOptions, replicas = 1): Promise<string> {
    const name = `app-${randomBytes(3).toString("hex")}`;
    await this.#api.create({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, namespace: this.namespace },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name }, annotations: options.annotations },
          spec: this.podSpec(options),
        },
      },
    });
    return name;
  }

  async scale(name: string, replicas: number): Promise<void> {
    const deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name, namespace: this.namespace } };
    await this.#api.change<KubeObject & { spec: object }>(deployment, (found) => ({
      ...found,
      spec: { ...found.spec, replicas },
    }));
  }

  /** A pod on its own, not yet running. Its name. */
  async createPod(options: PodOptions): Promise<string> {
    const name = `pod-${randomBytes(3).toString("hex")}`;
    await this.#api.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: this.namespace, labels: { app: name }, annotations: options.annotations },
      spec: { ...this.podSpec(options), nodeName },
    });
    return name;
  }

  /** Creates a pod and waits until its container runs. */
  async runPod(options: PodOptions, signal: AbortSignal): Promise<RunningPod> {
    const [pod] = await this.running(await this.createPod(options), 1, signal);
    return pod!;
  }

  /**
   * Waits until exactly so many pods of that Deployment, or the pod of that name, run and none is on its way out. A driver that
   * was without an API server knows new classes up to a minute later (client-go's reflectors list again with backoff).
   */
  async running(app: string, count: number, signal: AbortSignal, timeoutMs = 120_000): Promise<RunningPod[]> {
    return eventually(
      async () => {
        const pods = await this.pods(app);
        const ready = pods.filter(({ status }) => status.containerStatuses?.every((container) => container.ready));
        if (pods.length !== count || ready.length !== count) throw new Error(await this.#whyNot(app, pods, ready));
        return ready.map((pod) => new RunningPod(this.cluster, pod));
      },
      signal,
      timeoutMs,
    );
  }

  async pods(app: string): Promise<PodObject[]> {
    const pods = await this.#api.list<PodObject>({ apiVersion: "v1", kind: "Pod" }, this.namespace);
    return pods.filter(({ metadata }) => metadata.labels?.["app"] === app);
  }

  async annotate(name: string, annotations: Readonly<Record<string, string>>): Promise<void> {
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: this.namespace } };
    await this.#api.change<KubeObject>(pod, (found) => ({
      ...found,
      metadata: { ...found.metadata, annotations: { ...(found.metadata["annotations"] as object), ...annotations } },
    }));
  }

  /** What the events of a pod say, oldest first: "Warning FailedMount: …". */
  async events(pod: string): Promise<string[]> {
    const events = await this.#api.list<EventObject>({ apiVersion: "v1", kind: "Event" }, this.namespace);
    return events
      .filter(({ involvedObject }) => involvedObject.name === pod)
      .sort((a, b) => a.firstTimestamp.localeCompare(b.firstTimestamp))
      .map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
  }

  /** Object → version, from the status object that the driver keeps. SecretProviderClassPodStatus. */
  async versions(pod: string, className: string): Promise<Record<string, string>> {
    const { status } = await this.#api.get<PodStatusObject>(this.podStatus(pod, className));
    return Object.fromEntries(status.objects.map(({ id, version }) => [id, version]));
  }

  /** The name of that object, for who wants to read all of it. */
  podStatus(pod: string, className: string): KubeObject {
    return {
      apiVersion: "secrets-store.csi.x-k8s.io/v1",
      kind: "SecretProviderClassPodStatus",
      metadata: { name: `${pod}-${this.namespace}-${className}`, namespace: this.namespace },
    };
  }

  /** Deletes a pod as `kubectl delete` does, and waits until the kubelet has confirmed its end. */
  async removePod(name: string, signal: AbortSignal): Promise<void> {
    await this.#delete("v1", "Pod", name);
    await eventually(async () => {
      if ((await this.pods(name)).length > 0) throw new Error(`${name} is still there`);
    }, signal);
  }

  async removeDeployment(name: string, signal: AbortSignal): Promise<void> {
    await this.#delete("apps/v1", "Deployment", name);
    await this.#untilNoPods((pods) => pods.filter(({ metadata }) => metadata.labels?.["app"] === name), signal);
  }

  /** Deletes the namespace, and waits until no pod is left there: nothing of it is mounted any more then. */
  async removeAll(): Promise<void> {
    await this.#api.request("DELETE", `/api/v1/namespaces/${this.namespace}`);
    await this.#untilNoPods((pods) => pods, new AbortController().signal);
  }

  async #untilNoPods(of: (pods: PodObject[]) => PodObject[], signal: AbortSignal): Promise<void> {
    await eventually(
      async () => {
        const left = of(await this.#api.list<PodObject>({ apiVersion: "v1", kind: "Pod" }, this.namespace));
        if (left.length > 0) throw new Error(`pods are left: ${left.map(({ metadata }) => metadata.name).join(", ")}`);
      },
      signal,
      farewellMs,
    );
  }

  async #delete(apiVersion: string, kind: string, name: string): Promise<void> {
    await this.#api.delete({ apiVersion, kind, metadata: { name, namespace: this.namespace } }, "graceful");
  }

  async #whyNot(app: string, pods: readonly PodObject[], ready: readonly PodObject[]): Promise<string> {
    const events = await Promise.all(pods.slice(0, 3).map(({ metadata }) => this.events(metadata.name)));
    return `${pods.length} pods of ${app}, ${ready.length} of them running\n${events.flat().join("\n")}`;
  }

  /** For what makes pods of its own: a Job, a StatefulSet. */
  podSpec({ volumes, runAsUser, fsGroup, env, serviceAccount, program = sleeper, restartPolicy }: PodOptions): object {
    const names = Object.keys(volumes);
    const { image, command, configMap } = program;
    return {
      serviceAccountName: serviceAccount ?? this.serviceAccount,
      terminationGracePeriodSeconds: 1,
      restartPolicy,
      ...(fsGroup !== undefined && { securityContext: { fsGroup } }),
      containers: [
        {
          name: "app",
          image,
          imagePullPolicy: "Never",
          command,
          env,
          ...(runAsUser !== undefined && { securityContext: { runAsUser } }),
          volumeMounts: [
            ...names.map((name) => ({ name, mountPath: `/mnt/${name}`, readOnly: true })),
            ...(configMap ? [{ name: "program", mountPath: "/program", readOnly: true }] : []),
          ],
        },
      ],
      volumes: [
        ...names.map((name) => ({
          name,
          csi: { driver: "secrets-store.csi.k8s.io", readOnly: true, volumeAttributes: volumes[name] },
        })),
        ...(configMap ? [{ name: "program", configMap: { name: configMap } }] : []),
      ],
    };
  }
}

const sleeper: PodProgram = { image: "localhost/busybox:e2e", command: ["sleep", "100000"] };

interface EventObject extends KubeObject {
  involvedObject: { name: string };
  type: string;
  reason: string;
  message: string;
  firstTimestamp: string;
}

interface PodStatusObject extends KubeObject {
  status: { objects: { id: string; version: string }[] };
}
