import { type KubeAccess, KubeApi } from "./kube-api.js";
import { type VaultAccess, VaultApi } from "./vault-api.js";

const reviewer = { namespace: "kube-system", name: "vault-reviewer" };

/**
 * ReadWriteLock on Vault's kubernetes auth at `mount`. Tokens are judged by the API server's TokenReview, which Vault asks as a
 * service account of its own.
 */
export async function enableKubernetesAuth(vault: VaultAccess, kube: KubeAccess, mount = "kubernetes"): Promise<void> {
  const api = new VaultApi(vault);
  const { token } = await new KubeApi(kube).token(reviewer, { seconds: 24 * 3600 });
  await api.request("POST", `sys/auth/${mount}`, { type: "kubernetes" });
  await api.request("POST", `auth/${mount}/config`, {
    kubernetes_host: kube.server,
    kubernetes_ca_cert: kube.ca,
    token_reviewer_jwt: token,
  });
}

/** The service account that Vaults ask as. Once per cluster. */
export async function createTokenReviewer(kube: KubeAccess): Promise<void> {
  const api = new KubeApi(kube);
  await api.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: reviewer });
  await api.create({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: reviewer.name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:auth-delegator" },
    subjects: [{ kind: "ServiceAccount", ...reviewer }],
  });
}
