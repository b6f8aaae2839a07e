import { setTimeout as sleep } from "node:timers/promises";
import { KubeApi } from "../../stack/kube-api.js";
import type { Cluster } from "./cluster.js";

export const keymountNamespace = "keymount";

export async function installKeymount(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const api = new KubeApi(cluster.kubernetes);
  const namespace = keymountNamespace;
  const name = "keymount";
  await api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  await api.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } });
  await api.request("POST", `/api/v1/namespaces/${namespace}/configmaps`, {
    metadata: { name: "vault-ca" },
    data: { "ca.crt": cluster.vault.ca },
  });
  await api.request("POST", `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles`, {
    metadata: { name },
    rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "create"] }],
  });
  await api.request("POST", `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
    subjects: [{ kind: "ServiceAccount", name, namespace }],
  });
  await api.create({
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          serviceAccountName: name,
          tolerations: [{ operator: "Exists" }],
          containers: [
            {
              name,
              image: "localhost/keymount:e2e",
              imagePullPolicy: "Never",
              args: [
                "serve",
                `--vault-addr=${cluster.vault.address}`,
                "--vault-tls-ca-cert=/vault-ca/ca.crt",
                "--key-secret=keymount-key",
                "--log-level=debug",
              ],
              readinessProbe: { httpGet: { path: "/readyz", port: 8080 }, periodSeconds: 2 },
              resources: { limits: { memory: "128Mi" } },
              volumeMounts: [
                { name: "sockets", mountPath: "/var/run/secrets-store-csi-providers" },
                { name: "vault-ca", mountPath: "/vault-ca" },
              ],
            },
          ],
          volumes: [
            { name: "sockets", hostPath: { path: "/var/run/secrets-store-csi-providers", type: "DirectoryOrCreate" } },
            { name: "vault-ca", configMap: { name: "vault-ca" } },
          ],
        },
      },
    },
  });
  for (let tries = 0; ; tries++) {
    const { status } = await api.get<{ status: { numberReady: number } } & Parameters<KubeApi["create"]>[0]>({
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name, namespace },
    });
    if (status.numberReady === 1) return;
    if (tries > 120) throw new Error("keymount is not ready");
    await sleep(500, undefined, { signal });
  }
}
