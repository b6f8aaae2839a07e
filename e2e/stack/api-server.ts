import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type KubeAccess, KubeApi } from "./kube-api.js";
import type { Binaries } from "./programs.js";
import { Service } from "./service.js";

export interface ApiServerOptions {
  readonly binaries: Binaries;
  readonly directory: string;
  readonly logs: string;
  readonly etcd: string;
  readonly ip: string;
  readonly port: number;
  /** Names of nodes, each of whose kubelets gets a token. */
  readonly nodes?: readonly string[];
  readonly flags?: readonly string[];
}

export interface ApiServer {
  readonly service: Service;
  /** The administrator's access. */
  readonly access: KubeAccess;
  readonly kubelets: Readonly<Record<string, KubeAccess>>;
  /** Where its CA lies, which is its own certificate. */
  readonly caFile: string;
  /** Signs service account tokens. PEM. */
  readonly serviceAccountKey: string;
}

/** A kube-apiserver with a CA, keys and tokens of its own, on the etcd that is there. */
export async function startApiServer(options: ApiServerOptions, signal: AbortSignal): Promise<ApiServer> {
  const { binaries, directory, logs, etcd, ip, port, nodes = [], flags = [] } = options;
  const folder = join(directory, "kube");
  await mkdir(folder, { recursive: true });
  const serviceAccountKey = join(folder, "service-account.key");
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await writeFile(serviceAccountKey, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  const holders = makeTokens(nodes);
  const tokens = join(folder, "tokens.csv");
  await writeFile(tokens, holders.map(({ line }) => line).join(""), { mode: 0o600 });

  const server = `https://${ip}:${port}`;
  const caFile = join(folder, "apiserver.crt");
  const access = async (token: string) => ({ server, ca: await readFile(caFile, "utf8"), token });
  const [admin, ...kubelets] = holders;
  const service = new Service({
    name: "kube-apiserver",
    command: binaries["kube-apiserver"],
    args: [
      `--etcd-servers=${etcd}`,
      `--bind-address=${ip}`,
      `--advertise-address=${ip}`,
      `--secure-port=${port}`,
      // It makes a CA of its own and a serving certificate there; the file holds both.
      `--cert-dir=${folder}`,
      `--token-auth-file=${tokens}`,
      "--authorization-mode=Node,RBAC",
      "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
      `--service-account-key-file=${serviceAccountKey}`,
      `--service-account-signing-key-file=${serviceAccountKey}`,
      "--service-cluster-ip-range=10.96.0.0/16",
      "--endpoint-reconciler-type=none",
      ...flags,
    ],
    log: join(logs, "kube-apiserver.log"),
    ready: async () => new KubeApi(await access(admin.token)).request("GET", "/readyz"),
  });
  await service.start(signal);
  const perNode = kubelets.map(async ({ token }, index) => [nodes[index], await access(token)] as const);
  return {
    service,
    access: await access(admin.token),
    kubelets: Object.fromEntries(await Promise.all(perNode)) as Record<string, KubeAccess>,
    caFile,
    serviceAccountKey,
  };
}

interface Holder {
  readonly token: string;
  readonly line: string;
}

function makeTokens(nodes: readonly string[]): [Holder, ...Holder[]] {
  const holder = (user: string, group: string) => {
    const token = randomBytes(16).toString("hex");
    return { token, line: `${token},${user},${user},"${group}"\n` };
  };
  return [holder("admin", "system:masters"), ...nodes.map((node) => holder(`system:node:${node}`, "system:nodes"))];
}
