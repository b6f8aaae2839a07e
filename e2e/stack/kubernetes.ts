import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startEtcd } from "./etcd.js";
import { freePorts } from "./free-ports.js";
import { type KubeAccess, KubeApi } from "./kube-api.js";
import type { Binaries } from "./programs.js";
import { runProgram, untilReady } from "./running-program.js";

/** Controllers that a cluster without nodes can use. Those that watch nodes would delete the tests' pods. */
const controllers = [
  "serviceaccount-controller",
  "root-ca-certificate-publisher-controller",
  "namespace-controller",
  "garbage-collector-controller",
  "clusterrole-aggregation-controller",
];

export interface Kubernetes {
  readonly access: KubeAccess;
  readonly stop: () => Promise<void>;
}

interface Place {
  readonly binaries: Binaries;
  readonly directory: string;
  readonly logs: string;
}

/** etcd, kube-apiserver and kube-controller-manager on loopback: service accounts, tokens, RBAC and CRDs for real. */
export async function startKubernetes(place: Place, signal: AbortSignal): Promise<Kubernetes> {
  const etcd = await startEtcd(place, signal);
  const server = await startApiServer(place, etcd.address, signal);
  const manager = await startControllerManager(place, server, signal);
  return {
    access: server.access,
    stop: async () => {
      await manager.stop();
      await server.stop();
      await etcd.stop();
    },
  };
}

interface ApiServer extends Kubernetes {
  readonly caFile: string;
  readonly serviceAccountKey: string;
}

async function startApiServer({ binaries, directory, logs }: Place, etcd: string, signal: AbortSignal) {
  const folder = join(directory, "kube");
  await mkdir(folder, { recursive: true });
  const token = randomBytes(16).toString("hex");
  const serviceAccountKey = join(folder, "service-account.key");
  const tokens = join(folder, "tokens.csv");
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await writeFile(serviceAccountKey, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  await writeFile(tokens, `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });

  const { https } = await freePorts("https");
  const program = runProgram({
    name: "kube-apiserver",
    command: binaries["kube-apiserver"],
    args: [
      `--etcd-servers=${etcd}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--secure-port=${https}`,
      // It makes a CA of its own and a serving certificate there; the file holds both.
      `--cert-dir=${folder}`,
      `--token-auth-file=${tokens}`,
      "--authorization-mode=Node,RBAC",
      "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
      `--service-account-key-file=${serviceAccountKey}`,
      `--service-account-signing-key-file=${serviceAccountKey}`,
      "--service-cluster-ip-range=10.96.0.0/16",
      "--endpoint-reconciler-type=none",
    ],
    log: join(logs, "kube-apiserver.log"),
  });
  const caFile = join(folder, "apiserver.crt");
  const access = await untilReady(
    program,
    async () => {
      const access = { server: `https://127.0.0.1:${https}`, ca: await readFile(caFile, "utf8"), token };
      await new KubeApi(access).request("GET", "/readyz");
      return access;
    },
    signal,
  );
  return { access, caFile, serviceAccountKey, stop: program.stop } satisfies ApiServer;
}

async function startControllerManager({ binaries, directory, logs }: Place, server: ApiServer, signal: AbortSignal) {
  const kubeconfig = join(directory, "kube", "admin.kubeconfig");
  await writeFile(kubeconfig, kubeconfigText(server), { mode: 0o600 });
  const program = runProgram({
    name: "kube-controller-manager",
    command: binaries["kube-controller-manager"],
    args: [
      `--kubeconfig=${kubeconfig}`,
      "--leader-elect=false",
      "--secure-port=0",
      `--controllers=${controllers.join(",")}`,
      `--service-account-private-key-file=${server.serviceAccountKey}`,
      `--root-ca-file=${server.caFile}`,
    ],
    log: join(logs, "kube-controller-manager.log"),
  });
  const api = new KubeApi(server.access);
  const serviceAccount = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } };
  await untilReady(program, () => api.get(serviceAccount), signal);
  return { stop: program.stop };
}

/** JSON is YAML. */
function kubeconfigText({ access, caFile }: ApiServer): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "e2e", cluster: { server: access.server, "certificate-authority": caFile } }],
    users: [{ name: "admin", user: { token: access.token } }],
    contexts: [{ name: "e2e", context: { cluster: "e2e", user: "admin" } }],
    "current-context": "e2e",
  });
}
