import { stringify } from "yaml";
import { KubeApi } from "../../stack/kube-api.js";
import type { Cluster } from "./cluster.js";
import { DaemonSet } from "./daemon-set.js";

export const keymountImage = "localhost/keymount:e2e";

/** The DaemonSet of the instance that all files share. */
export const sharedInstance = "keymount-vault";

export const keymountNamespace = "keymount";

export interface InstanceOptions {
  /** The provider's name, which classes call it by, and the release's. */
  readonly name: string;
  /** The operator's file, besides `providerName`; without, the shared Vault is the only connection. */
  readonly config?: object;
  readonly args?: readonly string[];
}

/** The instance that all files share: provider `vault`, before the shared Vault. */
export async function installKeymount(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const api = new KubeApi(cluster.kubernetes);
  await api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: keymountNamespace } });
  await api.request("POST", `/api/v1/namespaces/${keymountNamespace}/configmaps`, {
    metadata: { name: "vault-ca" },
    data: { "ca.crt": cluster.vault.ca },
  });
  await installInstance(cluster, { name: "vault" }, signal);
}

export const sharedConnection = ({ vault }: Cluster) => ({
  addresses: [vault.address],
  tls: { caFile: "/vault-ca/ca.crt" },
});

/** One more provider on the node, ready; resolves with the way to remove it. */
export async function installInstance(
  cluster: Cluster,
  { name: provider, config, args = [] }: InstanceOptions,
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  const api = new KubeApi(cluster.kubernetes);
  const namespace = keymountNamespace;
  const name = `keymount-${provider}`;
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  await api.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } });
  await api.request("POST", `/api/v1/namespaces/${namespace}/configmaps`, {
    metadata: { name },
    data: {
      "keymount.yaml": stringify({
        providerName: provider,
        keySecret: "keymount-key",
        logLevel: "debug",
        connections: { vault: sharedConnection(cluster) },
        ...config,
      }),
    },
  });
  await api.request("POST", `${rbac}/roles`, {
    metadata: { name },
    rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "create"] }],
  });
  await api.request("POST", `${rbac}/rolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
    subjects: [{ kind: "ServiceAccount", name, namespace }],
  });
  const daemonSet = { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name, namespace } };
  await api.create({
    ...daemonSet,
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          serviceAccountName: name,
          tolerations: [{ operator: "Exists" }],
          containers: [
            {
              name: "keymount",
              image: keymountImage,
              imagePullPolicy: "Never",
              args: ["serve", "--config=/config/keymount.yaml", ...args],
              readinessProbe: { httpGet: { path: "/readyz", port: 8080 }, periodSeconds: 2 },
              resources: { limits: { memory: "128Mi" } },
              volumeMounts: [
                { name: "sockets", mountPath: "/var/run/secrets-store-csi-providers" },
                { name: "old", mountPath: "/etc/kubernetes/secrets-store-csi-providers" },
                { name: "vault-ca", mountPath: "/vault-ca" },
                { name: "config", mountPath: "/config" },
              ],
            },
          ],
          volumes: [
            { name: "sockets", hostPath: { path: "/var/run/secrets-store-csi-providers", type: "DirectoryOrCreate" } },
            {
              name: "old",
              hostPath: { path: "/etc/kubernetes/secrets-store-csi-providers", type: "DirectoryOrCreate" },
            },
            { name: "vault-ca", configMap: { name: "vault-ca" } },
            { name: "config", configMap: { name } },
          ],
        },
      },
    },
  });
  await new DaemonSet(api, namespace, name).untilReady(signal);
  return () => api.delete(daemonSet, "graceful");
}
