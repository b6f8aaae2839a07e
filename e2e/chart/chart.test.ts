import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { loadOptions } from "../../src/config/load-options.js";
import { eventually } from "../stack/eventually.js";
import { Helm, chart } from "../stack/helm.js";
import { KubeApi, type KubeObject } from "../stack/kube-api.js";
import { foreignKinds, looksRight } from "./foreign-kinds.js";
import { base, matrix, valuesOf } from "./values.js";

const { binaries, directory, kubernetes } = inject("stack");
const api = new KubeApi(kubernetes);
const helm = new Helm(binaries.helm, join(directory, "kube", "admin.kubeconfig"));
const offline = new Helm(binaries.helm);
const signal = new AbortController().signal;

async function newNamespace(): Promise<string> {
  const name = `chart-${randomBytes(3).toString("hex")}`;
  await api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  return name;
}

async function rendered(values: object, namespace: string, release = "keymount"): Promise<KubeObject[]> {
  const text = await offline.template(release, namespace, values, signal);
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}

test("helm finds nothing wrong with it", async () => {
  const said = await offline.run(["lint", chart, "--strict", `--set=vault.address=${base.vault.address}`], signal);
  expect(said).toContain("1 chart(s) linted, 0 chart(s) failed");
});

describe.each(Object.entries(matrix))("with values for %s", (_, set) => {
  test("the API server takes every object, field by field", async () => {
    const namespace = await newNamespace();
    const objects = await rendered(valuesOf(set), namespace);
    expect(objects.length).toBeGreaterThan(2);
    for (const object of objects) {
      if (object.kind in foreignKinds) expect(looksRight(object)).toEqual([]);
      else await api.dryRun(object);
    }
  });

  test("keymount takes the operator's file", async () => {
    const objects = await rendered(valuesOf(set), "keymount");
    const file = objects.find(({ kind, data }) => kind === "ConfigMap" && "keymount.yaml" in (data as object));
    const options = loadOptions({
      argv: ["--config=keymount.yaml"],
      env: { KUBERNETES_SERVICE_HOST: "10.0.0.1" },
      execArgv: [],
      readFile: () => (file!["data"] as Record<string, string>)["keymount.yaml"]!,
    });
    expect(options.operator.connections.length).toBeGreaterThan(0);
  });
});

test.each<[string, object, string]>([
  ["a misspelt value", { vualt: {} }, "vualt"],
  ["a misspelt value further in", { vault: { adress: "https://v" } }, "adress"],
  ["an address without a scheme", { vault: { address: "vault:8200" } }, "address"],
  ["a name that no socket may have", { provider: "my vault" }, "provider"],
  ["a fraction of a pod", { updateStrategy: { maxUnavailable: 0 } }, "maxUnavailable"],
  ["no Vault at all", { vault: { address: "" } }, "no Vault: set vault.address, or connections in config"],
  ["two CAs", { vault: { ...base.vault, ca: { configMap: "a", secret: "b" } } }, "cannot both be set"],
])("%s is refused, by name", async (_, values, message) => {
  await expect(offline.template("keymount", "keymount", { ...base, ...values }, signal)).rejects.toThrow(message);
});

describe("a release", async () => {
  const namespace = await newNamespace();
  const checksum = async () => {
    const identity = { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "keymount", namespace } };
    const found = await api.get<KubeObject & { spec: { template: { metadata: { annotations: object } } } }>(identity);
    return found.spec.template.metadata.annotations;
  };
  /** Everything of the namespace that the chart may have made, besides what Kubernetes makes itself. */
  const left = async () => {
    const kinds = [
      ["v1", "ConfigMap"],
      ["v1", "Service"],
      ["v1", "ServiceAccount"],
      ["apps/v1", "DaemonSet"],
      ["rbac.authorization.k8s.io/v1", "Role"],
      ["rbac.authorization.k8s.io/v1", "RoleBinding"],
    ] as const;
    const lists = await Promise.all(kinds.map(([apiVersion, kind]) => api.list({ apiVersion, kind }, namespace)));
    return lists
      .flat()
      .map(({ metadata }) => metadata.name)
      .filter((name) => !["kube-root-ca.crt", "default"].includes(name));
  };

  test("is installed, rolls its pods when the operator's file changes and only then, and leaves nothing but the key", async () => {
    await api.create({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "keymount-key", namespace },
      data: { key: randomBytes(32).toString("base64") },
    });
    await helm.apply("keymount", namespace, base, signal);
    const first = await checksum();
    await helm.apply("keymount", namespace, base, signal);
    expect(await checksum()).toEqual(first);
    await helm.apply("keymount", namespace, { ...base, logLevel: "debug" }, signal);
    expect(await checksum()).not.toEqual(first);

    await helm.apply("keymount-openbao", namespace, { ...base, provider: "openbao" }, signal);
    expect(await left()).toEqual(expect.arrayContaining(["keymount", "keymount-openbao"]));

    await helm.uninstall("keymount", namespace, signal);
    await helm.uninstall("keymount-openbao", namespace, signal);
    await eventually(async () => expect(await left()).toEqual([]), signal);
    await api.get({ apiVersion: "v1", kind: "Secret", metadata: { name: "keymount-key", namespace } });
  });

  test("may ask for tokens of pods, of ten minutes, for listed audiences, and for no others", async () => {
    const release = `keymount-${randomBytes(3).toString("hex")}`;
    const values = { ...base, tokenRequest: { fallback: true, audiences: ["minted"] } };
    await helm.apply(release, namespace, values, signal);
    const pod = await createPod(namespace);
    const own = await api.token({ namespace, name: release });
    const keymount = new KubeApi({ ...kubernetes, token: own.token });
    const ask = (wish: Parameters<KubeApi["token"]>[1]) => keymount.token({ namespace, name: "default" }, wish);
    const right = { audience: "minted", seconds: 600, pod };

    // The API server heeds a new policy some seconds later.
    await eventually(async () => {
      await expect(ask({ ...right, seconds: 3_600 })).rejects.toThrow("keymount may only make tokens of ten minutes");
    }, signal);
    await expect(ask({ audience: "minted", seconds: 600 })).rejects.toThrow("bound to a pod, by its uid");
    await expect(ask({ ...right, audience: "vault" })).rejects.toThrow(
      "one of the audiences that tokenRequest.audiences",
    );
    await expect(ask({ seconds: 600, pod })).rejects.toThrow("one of the audiences that tokenRequest.audiences");
    expect((await ask(right)).token).toMatch(/^eyJ/);
    // Others are not its business.
    expect((await api.token({ namespace, name: "default" }, { seconds: 3_600 })).token).toMatch(/^eyJ/);
    await helm.uninstall(release, namespace, signal);
  });

  test.each<[string, object, [string, string, string, boolean][]]>([
    [
      "nothing else",
      {},
      [
        ["get", "secrets", "keymount-key", true],
        ["get", "secrets", "another", false],
        ["list", "secrets", "", false],
        ["update", "secrets", "keymount-key", false],
        ["create", "secrets", "", true],
        ["create", "serviceaccounts/token", "default", false],
        ["create", "events", "", false],
        ["get", "pods", "", false],
      ],
    ],
    [
      "events",
      { events: { enabled: true } },
      [
        ["create", "events", "", true],
        ["patch", "events", "", true],
        ["list", "events", "", false],
        ["create", "serviceaccounts/token", "default", false],
      ],
    ],
    ["fallback", { tokenRequest: { fallback: true } }, [["create", "serviceaccounts/token", "default", true]]],
    [
      "a key of somebody else's making",
      { key: { create: false } },
      [
        ["get", "secrets", "keymount-key", true],
        ["create", "secrets", "", false],
      ],
    ],
  ])("has the rights for %s, and no more", async (_, values, rights) => {
    const release = `keymount-${randomBytes(3).toString("hex")}`;
    await helm.apply(release, namespace, { ...base, ...values }, signal);
    for (const [verb, resource, name, may] of rights) {
      expect([verb, resource, name, await mayDo(namespace, release, verb, resource, name)]).toEqual([
        verb,
        resource,
        name,
        may,
      ]);
    }
    await helm.uninstall(release, namespace, signal);
  });
});

test("deploy/manifests is what the chart renders: npm run manifests", async () => {
  const { manifests, renderManifests } = await import("./render-manifests.js");
  expect(await renderManifests(offline, signal)).toBe(await manifests());
});

async function createPod(namespace: string): Promise<{ name: string; uid: string }> {
  const { metadata } = await api.create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace },
    spec: { containers: [{ name: "app", image: "none" }], serviceAccountName: "default", nodeName: "nowhere" },
  });
  return { name: metadata.name, uid: metadata.uid };
}

/** What the API server says of a service account's rights. */
async function mayDo(
  namespace: string,
  account: string,
  verb: string,
  resource: string,
  name: string,
): Promise<boolean> {
  const [plain, subresource] = resource.split("/");
  const { status } = await api.request<{ status: { allowed: boolean } }>(
    "POST",
    "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: {
        user: `system:serviceaccount:${namespace}:${account}`,
        resourceAttributes: { namespace, verb, resource: plain, subresource, name },
      },
    },
  );
  return status.allowed;
}
