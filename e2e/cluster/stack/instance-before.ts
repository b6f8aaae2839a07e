import type { KubeApi } from "../../stack/kube-api.js";
import type { Cluster } from "./cluster.js";
import { installInstance, keymountNamespace } from "./keymount.js";

/** Where a Vault, or what stands for one, answers; the CA as PEM. */
export interface VaultBehind {
  readonly addresses: readonly string[];
  readonly ca: string;
}

/** A provider of that name with one connection for each of these Vaults, the first by default; resolves with the way to remove it. */
export async function installBefore(
  cluster: Cluster,
  kube: KubeApi,
  name: string,
  vaults: Readonly<Record<string, VaultBehind>>,
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  const configMap = `${name}-ca`;
  const authorities = Object.values(vaults).map(({ ca }) => ca);
  const metadata = { name: configMap, namespace: keymountNamespace };
  await kube.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { "ca.crt": authorities.join("") } });
  const connections = Object.entries(vaults).map(([connection, { addresses }]) => [
    connection,
    { addresses, audiences: ["vault"], tls: { caFile: "/etc/keymount/vault-ca/ca.crt" } },
  ]);
  const config = { default: Object.keys(vaults)[0], connections: Object.fromEntries(connections) as object };
  const values = { extraVolumes: [{ name: "shared-ca", configMap: { name: configMap } }] };
  return installInstance(cluster, { name, config, values }, signal);
}
