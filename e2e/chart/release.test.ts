import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { eventually } from "../stack/eventually.js";
import type { KubeApi, KubeObject } from "../stack/kube-api.js";
import { api, apiAs, helm, newNamespace } from "./fixture.js";
import { base } from "./values.js";

const signal = new AbortController().signal;
const namespace = await newNamespace();

test("a release is installed, rolls its pods when the configuration file changes and only then, and leaves nothing but the key", async () => {
  const key = { apiVersion: "v1", kind: "Secret", metadata: { name: "keymount-key", namespace } };
  await api.create({ ...key, data: { key: randomBytes(32).toString("base64") } });
  await helm.apply("keymount", namespace, base, signal);
  const first = await podAnnotations(namespace);
  await helm.apply("keymount", namespace, base, signal);
  expect(await podAnnotations(namespace)).toEqual(first);
  await helm.apply("keymount", namespace, { ...base, logLevel: "debug" }, signal);
  expect(await podAnnotations(namespace)).not.toEqual(first);

  const most = { events: { enabled: true }, tokenRequest: { fallback: true }, networkPolicy: { enabled: true } };
  await helm.apply("keymount-openbao", namespace, { ...base, ...most, provider: "openbao" }, signal);
  expect(await madeIn(namespace)).toEqual(
    expect.arrayContaining([
      "DaemonSet keymount",
      "DaemonSet keymount-openbao",
      `ClusterRole ${namespace}-keymount-openbao`,
      `ValidatingAdmissionPolicy ${namespace}-keymount-openbao-tokens`,
    ]),
  );

  await helm.uninstall("keymount", namespace, signal);
  await helm.uninstall("keymount-openbao", namespace, signal);
  await eventually(async () => expect(await madeIn(namespace)).toEqual([]), signal);
  await api.get(key);
});

test("a release may ask for tokens of pods, of ten minutes, for listed audiences, and for no others", async () => {
  const release = `keymount-${randomBytes(3).toString("hex")}`;
  const values = { ...base, tokenRequest: { fallback: true, audiences: ["minted", "shop"] } };
  await helm.apply(release, namespace, values, signal);
  const pod = await createPod(namespace);
  const keymount = apiAs(await api.token({ namespace, name: release }));
  const right = { audiences: ["minted"], expirationSeconds: 600, boundObjectRef: pod };
  const ask = (change: object) => requestToken(keymount, namespace, { ...right, ...change });

  // The API server heeds a new policy some seconds later.
  await eventually(async () => {
    await expect(ask({ expirationSeconds: 3_600 })).rejects.toThrow("keymount may only make tokens of ten minutes");
  }, signal);
  const [bound, audience] = ["bound to a pod, by its uid", "one of the audiences that tokenRequest.audiences lists"];
  await expect(ask({ boundObjectRef: undefined })).rejects.toThrow(bound);
  await expect(ask({ boundObjectRef: { ...pod, uid: undefined } })).rejects.toThrow(bound);
  await expect(ask({ boundObjectRef: { apiVersion: "v1", kind: "Secret", name: "x", uid: "1" } })).rejects.toThrow(
    bound,
  );
  await expect(ask({ audiences: ["vault"] })).rejects.toThrow(audience);
  await expect(ask({ audiences: ["minted", "shop"] })).rejects.toThrow(audience);
  await expect(ask({ audiences: undefined })).rejects.toThrow(audience);
  expect((await ask({})).status.token).toMatch(/^eyJ/);
  expect((await ask({ audiences: ["shop"] })).status.token).toMatch(/^eyJ/);
  // Others are not its business.
  expect((await requestToken(api, namespace, { audiences: ["any"] })).status.token).toMatch(/^eyJ/);
  await helm.uninstall(release, namespace, signal);
});

const key = ["get,watch secrets keymount-key"];
const pods = ["get,list,watch pods"];
test.each<[string, object, string[], string[]]>([
  ["the key and the pods", {}, [...key, "create secrets", ...pods], pods],
  ["a key that the chart does not create", { key: { create: false } }, [...key, ...pods], pods],
  ["a sidecar, whose key is made by hand", { form: "sidecar" }, key, []],
  ["no pods", { podWatch: { enabled: false } }, [...key, "create secrets"], []],
  [
    "events",
    { events: { enabled: true } },
    [...key, "create secrets", "create,patch events", ...pods],
    ["create,patch events", ...pods],
  ],
  [
    "tokens",
    { tokenRequest: { fallback: true } },
    [...key, "create secrets", "create serviceaccounts/token", ...pods],
    ["create serviceaccounts/token", ...pods],
  ],
  ["nothing", { rbac: { create: false } }, [], []],
])("a release has the rights for %s, and no others", async (_, values, here, elsewhere) => {
  const release = `keymount-${randomBytes(3).toString("hex")}`;
  // The controller's, in the form sidecar.
  if ("form" in values)
    await api.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: release, namespace } });
  await helm.apply(release, namespace, { ...base, sidecar: { serviceAccount: release }, ...values }, signal);
  // The API server heeds new rights a moment later.
  await eventually(async () => {
    expect(await rightsOf(namespace, release, namespace)).toEqual(here.sort());
    expect(await rightsOf(namespace, release, "default")).toEqual(elsewhere);
  }, signal);
  await helm.uninstall(release, namespace, signal);
});

async function podAnnotations(namespace: string): Promise<object> {
  const identity = { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "keymount", namespace } };
  const found = await api.get<KubeObject & { spec: { template: { metadata: { annotations: object } } } }>(identity);
  return found.spec.template.metadata.annotations;
}

const kindsMade = {
  v1: ["ConfigMap", "Service", "ServiceAccount"],
  "apps/v1": ["DaemonSet"],
  "networking.k8s.io/v1": ["NetworkPolicy"],
  "rbac.authorization.k8s.io/v1": ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"],
  "admissionregistration.k8s.io/v1": ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"],
};

/** What is in the namespace, and in the cluster under its name, besides what Kubernetes makes itself. */
async function madeIn(namespace: string): Promise<string[]> {
  const kinds = Object.entries(kindsMade).flatMap(([apiVersion, all]) => all.map((kind) => ({ apiVersion, kind })));
  const lists = kinds.map(async (kind) =>
    (await api.list(kind, namespace))
      .filter(({ metadata: { name, namespace: of } }) => of !== undefined || name.startsWith(`${namespace}-`))
      .map(({ metadata }) => `${kind.kind} ${metadata.name}`),
  );
  const kubernetesOwn = ["ConfigMap kube-root-ca.crt", "ServiceAccount default"];
  return (await Promise.all(lists)).flat().filter((made) => !kubernetesOwn.includes(made));
}

/** A pod that no kubelet runs, as tokens refer to it. */
async function createPod(namespace: string): Promise<{ apiVersion: string; kind: string; name: string; uid: string }> {
  const { metadata } = await api.create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace },
    spec: { containers: [{ name: "app", image: "none" }], serviceAccountName: "default", nodeName: "nowhere" },
  });
  return { apiVersion: "v1", kind: "Pod", name: metadata.name, uid: metadata.uid };
}

const requestToken = (asker: KubeApi, namespace: string, spec: object) =>
  asker.request<{ status: { token: string } }>(
    "POST",
    `/api/v1/namespaces/${namespace}/serviceaccounts/default/token`,
    { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec },
  );

/** All that a service account may do with objects of a namespace, beyond what every account may. */
async function rightsOf(own: string, account: string, namespace: string): Promise<string[]> {
  const [all, defaults] = await Promise.all([rules(own, account, namespace), rules(own, "default", namespace)]);
  return all.filter((rule) => !defaults.includes(rule)).sort();
}

async function rules(own: string, account: string, namespace: string): Promise<string[]> {
  const { token } = await api.token({ namespace: own, name: account });
  const { status } = await apiAs({ token }).request<{
    status: { resourceRules: { verbs: string[]; resources: string[]; resourceNames?: string[] }[] };
  }>("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectRulesReview",
    spec: { namespace },
  });
  return status.resourceRules.map(({ verbs, resources, resourceNames = [] }) =>
    [verbs, resources, resourceNames]
      .map(String)
      .filter((part) => part !== "")
      .join(" "),
  );
}
