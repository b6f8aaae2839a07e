import { randomBytes } from "node:crypto";
import { stringify } from "yaml";
import { KubeApi, type KubeObject } from "./kube-api.js";
import type { Node } from "./node.js";
import type { Stack } from "./stack.js";
import { VaultApi } from "./vault-api.js";
import { Volume } from "./volume.js";

/** Parameters of a SecretProviderClass. `objects` may be given as what it means; what is `undefined` is left out. */
export interface ClassParameters {
  readonly objects?: string | readonly object[];
  readonly [parameter: string]: string | readonly object[] | undefined;
}

export interface ClassOptions {
  readonly provider?: string;
  readonly secretObjects?: readonly object[];
}

/**
 * A team's share of the stack, which no other test touches: a Kubernetes namespace with a service account, and a Vault
 * role of the namespace's name that may read what lies below that name in `secret/` and `kv1/`.
 */
export interface Application {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly kube: KubeApi;
  readonly vault: VaultApi;
  /** Creates a class and gives its name. The role is the application's unless said. */
  readonly createClass: (parameters: ClassParameters, options?: ClassOptions) => Promise<string>;
  /** Edits a class's objects, as its author would. */
  readonly replaceObjects: (className: string, objects: readonly object[]) => Promise<void>;
  /** Creates a class and a pod that mounts it on that node, which the kubelet has not published yet. */
  readonly volume: (node: Node, parameters: ClassParameters, options?: ClassOptions) => Promise<Volume>;
  /** A pod on that node with one volume of that class. */
  readonly podVolume: (node: Node, className: string, attributes?: Record<string, string>) => Promise<Volume>;
}

interface ClassObject extends KubeObject {
  spec: { provider: string; parameters: Record<string, string>; secretObjects: readonly object[] | undefined };
}

const classNamed = (name: string, namespace: string) => ({
  apiVersion: "secrets-store.csi.x-k8s.io/v1",
  kind: "SecretProviderClass",
  metadata: { name, namespace },
});

function asText(parameters: ClassParameters): Record<string, string> {
  const texts = Object.entries(parameters).map(([name, value]) => [
    name,
    typeof value === "object" ? stringify(value) : value,
  ]);
  return Object.fromEntries(texts.filter(([, text]) => text !== undefined)) as Record<string, string>;
}

const serviceAccount = "app";

export async function createApplication(
  stack: Pick<Stack, "kubernetes" | "vault">,
  label: string,
): Promise<Application> {
  const namespace = `${label}-${randomBytes(3).toString("hex")}`;
  const kube = new KubeApi(stack.kubernetes);
  const vault = new VaultApi(stack.vault);
  await kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  await kube.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: serviceAccount, namespace } });
  await grantVaultRole(vault, namespace);

  const createClass: Application["createClass"] = async (parameters, { provider = "vault", secretObjects } = {}) => {
    const name = `class-${randomBytes(4).toString("hex")}`;
    await kube.create<ClassObject>({
      ...classNamed(name, namespace),
      spec: { provider, secretObjects, parameters: asText({ roleName: namespace, ...parameters }) },
    });
    return name;
  };
  const replaceObjects: Application["replaceObjects"] = async (className, objects) => {
    const { spec, ...others } = await kube.get<ClassObject>(classNamed(className, namespace));
    const parameters = { ...spec.parameters, ...asText({ objects }) };
    await kube.replace({ ...others, spec: { ...spec, parameters } });
  };
  const podVolume: Application["podVolume"] = async ({ kubelet }, secretProviderClass, attributes = {}) => {
    const volumes = { secrets: { secretProviderClass, ...attributes } };
    return new Volume(kubelet, await kubelet.createPod({ namespace, serviceAccount, volumes }), "secrets");
  };
  return {
    namespace,
    serviceAccount,
    kube,
    vault,
    createClass,
    replaceObjects,
    podVolume,
    volume: async (node, parameters, options) => podVolume(node, await createClass(parameters, options)),
  };
}

/** Gives a namespace's application its role in that Vault. */
export async function grantVaultRole(vault: VaultApi, namespace: string): Promise<void> {
  const readable = [`secret/data/${namespace}/*`, `kv1/${namespace}/*`];
  await vault.writePolicy(namespace, readable.map((path) => `path "${path}" { capabilities = ["read"] }`).join("\n"));
  await vault.writeRole(namespace, {
    namespaces: [namespace],
    serviceAccounts: [serviceAccount],
    policies: [namespace],
    audience: "vault",
  });
}
