import { afterAll, inject } from "vitest";
import { type Application, createApplication } from "../../stack/application.js";
import type { Cluster } from "./cluster.js";
import { Conductor } from "./conductor.js";
import { Workloads } from "./workloads.js";

/** What a file of cases plays on: a namespace of its own on the cluster that all share. */
export interface Scene {
  readonly cluster: Cluster;
  readonly app: Application;
  readonly workloads: Workloads;
  readonly conductor: Conductor;
  /** Aborts when the file's tests have ended. */
  readonly signal: AbortSignal;
  /** Adds what is to be done when the file's pods are gone: what serves them must outlive them. */
  readonly atTheEnd: (act: () => Promise<unknown> | void) => void;
}

/**
 * Sets the scene at the top of a test file, and strikes it after the file's last test: its pods are gone then. A file
 * that ends programs, installs keymount anew or counts what the whole node does must be `alone`.
 */
export async function setScene(label: string, how: "alone" | "together" = "together"): Promise<Scene> {
  const cluster = inject("cluster");
  const struck = new AbortController();
  const conductor = new Conductor(cluster.conductor);
  const endTurn = await conductor.turn(how);
  const app = await createApplication(cluster, label);
  const workloads = new Workloads(cluster, app.namespace, app.serviceAccount);
  const last: (() => Promise<unknown> | void)[] = [];
  afterAll(async () => {
    if (cluster.keep) await untilInterrupted(cluster);
    await workloads.removeAll();
    for (const act of last.reverse()) await act();
    struck.abort();
    endTurn();
  }, Infinity);
  return { cluster, app, workloads, conductor, signal: struck.signal, atTheEnd: (act) => last.push(act) };
}

/** Says where everything is, and waits. Ctrl-C ends the whole run. */
async function untilInterrupted({ directory, kubeconfig, containerd, logs, vault }: Cluster): Promise<never> {
  console.log(`e2e: the cluster is kept until Ctrl-C. Another shell is in it after
  nsenter --target "$(pgrep --parent "$(cat ${directory}/../pid)")" --mount --net --pid
  export KUBECONFIG=${kubeconfig} VAULT_ADDR=${vault.address} VAULT_TOKEN=${vault.token} VAULT_SKIP_VERIFY=1
  ctr --address=${containerd} --namespace=k8s.io containers list; ls ${logs}`);
  return new Promise(() => setInterval(() => undefined, 60_000));
}
