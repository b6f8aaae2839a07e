import { afterAll, inject } from "vitest";
import { type Application, createApplication } from "../../stack/application.js";
import type { Cluster } from "./cluster.js";
import { ServiceController } from "./service-controller.js";
import { Workloads } from "./workloads.js";

/** What the cases of a file run on: a namespace of their own on the shared cluster. */
export interface Fixture {
  readonly cluster: Cluster;
  readonly app: Application;
  readonly workloads: Workloads;
  readonly services: ServiceController;
  /** Aborts when the file's tests have ended. */
  readonly signal: AbortSignal;
  /** Adds what is to be done when the file's pods are gone: what serves them must outlive them. */
  readonly atTheEnd: (act: () => Promise<unknown> | void) => void;
}

/**
 * Sets the fixture up at the top of a test file, and tears it down after the last test: its pods are gone then. A file
 * that ends programs, reinstalls keymount or counts what the whole node does must be `alone`.
 */
export async function createFixture(label: string, how: "alone" | "together" = "together"): Promise<Fixture> {
  const cluster = inject("cluster");
  const tornDown = new AbortController();
  const services = new ServiceController(cluster.servicesSocket);
  const release = await services.lock(how);
  const app = await createApplication(cluster, label);
  const workloads = new Workloads(cluster, app.namespace, app.serviceAccount);
  const last: (() => Promise<unknown> | void)[] = [];
  afterAll(async () => {
    if (cluster.keep) await untilInterrupted(cluster);
    await workloads.removeAll();
    for (const act of last.reverse()) await act();
    tornDown.abort();
    release();
  }, Infinity);
  return { cluster, app, workloads, services, signal: tornDown.signal, atTheEnd: (act) => last.push(act) };
}

/** Says where everything is, and waits. Ctrl-C ends the whole run. */
async function untilInterrupted({ directory, kubeconfig, containerd, logs, vault }: Cluster): Promise<never> {
  console.log(`e2e: the cluster is kept until Ctrl-C. Another shell is in it after
  nsenter --target "$(pgrep --parent "$(cat ${directory}/../pid)")" --mount --net --pid
  export KUBECONFIG=${kubeconfig} VAULT_ADDR=${vault.address} VAULT_TOKEN=${vault.token} VAULT_SKIP_VERIFY=1
  ctr --address=${containerd} --namespace=k8s.io containers list; ls ${logs}`);
  return new Promise(() => setInterval(() => undefined, 60_000));
}
