import { KubeApi, type KubeObject } from "../../stack/kube-api.js";
import type { Cluster } from "./cluster.js";
import { DaemonSet } from "./daemon-set.js";
import { keymountImage } from "./keymount.js";

export interface GoProviderOptions {
  readonly namespace: string;
  /** What its chart sets: the agent's socket, or Vault's own address. */
  readonly vaultAddress: string;
  /** `csi.extraArgs` of its chart. */
  readonly extraArgs?: readonly string[];
}

const labels = { "app.kubernetes.io/name": "vault-csi-provider" };
const agentSocket = { name: "agent-unix-socket", mountPath: "/var/run/vault" };
const probe = { httpGet: { path: "/health/ready", port: 8080 }, failureThreshold: 2, periodSeconds: 5 };

/**
 * What vault-helm 0.31 renders for `csi.enabled: true` (templates/csi-*.yaml), with only the provider's image changed to
 * ours. The agent beside it is the real one; its binary comes from the node.
 */
export async function installGoProvidersChart(
  cluster: Cluster,
  options: GoProviderOptions,
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  const api = new KubeApi(cluster.kubernetes);
  const { namespace } = options;
  const name = "vault-csi-provider";
  await createRbac(api, namespace, name);
  await api.request("POST", `/api/v1/namespaces/${namespace}/configmaps`, {
    metadata: { name: "vault-csi-provider-agent-config" },
    data: { "config.hcl": agentConfig(cluster.vault.address), "ca.crt": cluster.vault.ca },
  });
  const daemonSet = {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name, namespace },
    spec: {
      updateStrategy: { type: "RollingUpdate" },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { serviceAccountName: name, containers: [provider(options), agent], volumes: volumes(cluster) },
      },
    },
  };
  await api.create(daemonSet);
  await new DaemonSet(api, namespace, name).untilReady(signal);
  return () => api.delete(daemonSet, "graceful");
}

const provider = ({ vaultAddress, extraArgs = [] }: GoProviderOptions) => ({
  name: "vault-csi-provider",
  image: keymountImage,
  imagePullPolicy: "Never",
  args: [
    "--endpoint=/provider/vault.sock",
    "--log-level=info",
    "--hmac-secret-name=vault-csi-provider-hmac-key",
    ...extraArgs,
  ],
  env: [{ name: "VAULT_ADDR", value: vaultAddress }],
  volumeMounts: [
    { name: "providervol", mountPath: "/provider" },
    agentSocket,
    { name: "agent-config", mountPath: "/vault/tls" },
  ],
  livenessProbe: probe,
  readinessProbe: probe,
});

const agent = {
  name: "vault-agent",
  image: keymountImage,
  imagePullPolicy: "Never",
  command: ["/node/vault"],
  args: ["agent", "-config=/etc/vault/config.hcl"],
  volumeMounts: [
    { name: "agent-config", mountPath: "/etc/vault" },
    agentSocket,
    { name: "node-binaries", mountPath: "/node/vault", readOnly: true },
  ],
};

const agentConfig = (address: string) => `vault {
  address = "${address}"
  ca_cert = "/etc/vault/ca.crt"
}
cache {}
listener "unix" {
  address = "/var/run/vault/agent.sock"
  tls_disable = true
}
`;

const volumes = ({ binaries }: Cluster) => [
  { name: "providervol", hostPath: { path: "/var/run/secrets-store-csi-providers" } },
  { name: "agent-config", configMap: { name: "vault-csi-provider-agent-config" } },
  { name: agentSocket.name, emptyDir: { medium: "Memory" } },
  { name: "node-binaries", hostPath: { path: binaries.vault, type: "File" } },
];

async function createRbac(api: KubeApi, namespace: string, name: string): Promise<void> {
  const rbac = { apiGroup: "rbac.authorization.k8s.io" };
  const subjects = [{ kind: "ServiceAccount", name, namespace }];
  const cluster = `${name}-${namespace}`;
  await api.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } });
  await api.create<KubeObject>({
    apiVersion: `${rbac.apiGroup}/v1`,
    kind: "ClusterRole",
    metadata: { name: cluster },
    rules: [{ apiGroups: [""], resources: ["serviceaccounts/token"], verbs: ["create"] }],
  });
  await api.create<KubeObject>({
    apiVersion: `${rbac.apiGroup}/v1`,
    kind: "ClusterRoleBinding",
    metadata: { name: cluster },
    roleRef: { ...rbac, kind: "ClusterRole", name: cluster },
    subjects,
  });
  await api.create<KubeObject>({
    apiVersion: `${rbac.apiGroup}/v1`,
    kind: "Role",
    metadata: { name, namespace },
    rules: [
      { apiGroups: [""], resources: ["secrets"], verbs: ["get"], resourceNames: ["vault-csi-provider-hmac-key"] },
      // "create" cannot be narrowed to a name.
      { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
    ],
  });
  await api.create<KubeObject>({
    apiVersion: `${rbac.apiGroup}/v1`,
    kind: "RoleBinding",
    metadata: { name, namespace },
    roleRef: { ...rbac, kind: "Role", name },
    subjects,
  });
}
