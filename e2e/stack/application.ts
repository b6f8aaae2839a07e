import { randomBytes } from "node:crypto";
import { stringify } from "yaml";
import { KubeApi, type KubeObject } from "./kube-api.js";
import type { Node } from "./node.js";
import type { Stack } from "./stack.js";
import { VaultApi } from "./vault-api.js";
import { Volume } from "./volume.js";

/** The parameters of a SecretProviderClass; `objects` may be given as what it means, and is then written as YAML. */
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
  /** Creates a class and a pod that mounts it on that node, which the kubelet has not published yet. */
  readonly volume: (node: Node, parameters: ClassParameters, options?: ClassOptions) => Promise<Volume>;
  /** A pod on that node with one volume of that class. */
  readonly podVolume: (node: Node, className: string, attributes?: Record<string, string>) => Promise<Volume>;
}

const serviceAccount = "app";

export async function createApplication(stack: Stack, label: string): Promise<Application> {
  const namespace = `${label}-${randomBytes(3).toString("hex")}`;
  const kube = new KubeApi(stack.kubernetes);
  const vault = new VaultApi(stack.vault);
  await kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  await kube.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: serviceAccount, namespace } });
  await grantVaultRole(vault, namespace);

  const createClass: Application["createClass"] = async (parameters, { provider = "vault", secretObjects } = {}) => {
    const { objects, ...others } = parameters;
    const text = objects === undefined || typeof objects === "string" ? objects : stringify(objects);
    const { metadata } = await kube.create<KubeObject>({
      apiVersion: "secrets-store.csi.x-k8s.io/v1",
      kind: "SecretProviderClass",
      metadata: { name: `class-${randomBytes(4).toString("hex")}`, namespace },
      spec: { provider, secretObjects, parameters: { roleName: namespace, ...others, objects: text } },
    });
    return metadata.name;
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
    podVolume,
    volume: async (node, parameters, options) => podVolume(node, await createClass(parameters, options)),
  };
}

async function grantVaultRole(vault: VaultApi, namespace: string): Promise<void> {
  const readable = [`secret/data/${namespace}/*`, `kv1/${namespace}/*`];
  await vault.writePolicy(namespace, readable.map((path) => `path "${path}" { capabilities = ["read"] }`).join("\n"));
  await vault.writeRole(namespace, {
    namespaces: [namespace],
    serviceAccounts: [serviceAccount],
    policies: [namespace],
    audience: "vault",
  });
}
