import { randomBytes } from "node:crypto";
import type { KubeApi } from "./kube-api.js";
import type { ServiceAccount } from "./pod-view.js";

/** A service account for keymount in a namespace of its own, which may do what the rules of one ClusterRole say. */
export async function createKeymountAccount(kube: KubeApi, rules: readonly object[]): Promise<ServiceAccount> {
  const name = `keymount-${randomBytes(3).toString("hex")}`;
  const account = { namespace: name, name };
  const rbac = "rbac.authorization.k8s.io";
  await kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  await kube.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: account });
  await kube.create({ apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata: { name }, rules });
  await kube.create({
    apiVersion: `${rbac}/v1`,
    kind: "ClusterRoleBinding",
    metadata: { name },
    roleRef: { apiGroup: rbac, kind: "ClusterRole", name },
    subjects: [{ kind: "ServiceAccount", ...account }],
  });
  return account;
}
