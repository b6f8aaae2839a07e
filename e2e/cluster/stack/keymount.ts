import { Helm } from "../../stack/helm.js";
import { KubeApi } from "../../stack/kube-api.js";
import type { Cluster } from "./cluster.js";
import { DaemonSet } from "./daemon-set.js";

/** Not the one of README.md, whose commands make their own (quickstart.test.ts). */
export const keymountNamespace = "keymount-e2e";

export const keymountImage = "localhost/keymount:e2e";

/** The release, and the DaemonSet, of the instance that all files share. */
export const sharedInstance = "keymount-vault";

export const releaseOf = (provider: string) => `keymount-${provider}`;

export interface InstanceOptions {
  /** The provider's name, which classes call it by. */
  readonly name: string;
  /** The configuration file, over what the chart makes of the values; without, the shared Vault is the only connection. */
  readonly config?: { readonly connections?: object; readonly [setting: string]: unknown };
  /** Further values of the chart. */
  readonly values?: object;
}

/** The instance that all files share: provider `vault`, before the shared Vault, whose CA it has from a ConfigMap. */
export async function installKeymount(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const api = new KubeApi(cluster.kubernetes);
  await api.create({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: keymountNamespace, labels: { "pod-security.kubernetes.io/enforce": "privileged" } },
  });
  await api.create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "vault-ca", namespace: keymountNamespace },
    data: { "ca.crt": cluster.vault.ca },
  });
  await installInstance(cluster, sharedOptions(cluster), signal);
}

/** Of the instance that all files share. Classes of several tests name an auth mount of their own, or one that is not there. */
export function sharedOptions(cluster: Cluster): InstanceOptions {
  const connection = { ...sharedConnection(cluster), policy: { authMounts: ["*"] } };
  return { name: "vault", config: { connections: { default: connection } } };
}

/** The connection to the shared Vault, as a configuration file has it. */
export const sharedConnection = ({ vault }: Cluster) => ({
  addresses: [vault.address],
  tls: { caFile: "/etc/keymount/vault-ca/ca.crt" },
});

/** One file's own provider of the shared Vault, which the file may end while other files' pods are served by theirs. */
export interface OwnInstance {
  readonly provider: string;
  /** The release, and the DaemonSet. */
  readonly release: string;
  readonly remove: () => Promise<void>;
}

export async function installOwnInstance(cluster: Cluster, name: string, signal: AbortSignal): Promise<OwnInstance> {
  const connection = { ...sharedConnection(cluster), audiences: ["vault"] };
  const remove = await installInstance(cluster, { name, config: { connections: { default: connection } } }, signal);
  return { provider: name, release: releaseOf(name), remove };
}

/** The values that mount its CA, where no `vault.address` does. */
const sharedCa = {
  extraVolumes: [{ name: "shared-ca", configMap: { name: "vault-ca" } }],
  extraVolumeMounts: [{ name: "shared-ca", mountPath: "/etc/keymount/vault-ca", readOnly: true }],
};

/** One provider on the node, ready, from the chart and the image; resolves with the way to remove it. */
export async function installInstance(
  cluster: Cluster,
  { name, config, values }: InstanceOptions,
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  const helm = new Helm(cluster.binaries.helm, cluster.kubeconfig);
  const release = releaseOf(name);
  const [repository, tag] = keymountImage.split(":");
  const all = {
    provider: name,
    image: { repository, tag, pullPolicy: "Never" },
    ...(config?.connections ? sharedCa : { vault: { address: cluster.vault.address, ca: { configMap: "vault-ca" } } }),
    logLevel: "debug",
    config: config ?? {},
    ...values,
  };
  await helm.upgrade(release, keymountNamespace, all, signal);
  // To helm a DaemonSet is ready when no more are missing than may be unavailable: on one node, always.
  await new DaemonSet(new KubeApi(cluster.kubernetes), keymountNamespace, release).untilReady(signal);
  return () => helm.uninstall(release, keymountNamespace, signal);
}
