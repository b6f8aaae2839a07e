import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { goModuleFolder } from "./build-programs.js";
import { eventually } from "./eventually.js";
import { type KubeAccess, KubeApi, KubeError, type KubeObject } from "./kube-api.js";
import type { KubernetesVersion } from "./programs.js";

const module = "sigs.k8s.io/secrets-store-csi-driver";

/** Audiences that the kubelet makes tokens for: the providers' names, and one that a class must ask for. */
const tokenAudiences = ["vault", "openbao", "shop"];

/**
 * Both drivers' CRDs, roles and service account, as their releases bring them, and the CSIDriver object. With
 * Kubernetes 1.37, tokens come in the calls' secrets, as the driver's own chart has it from 1.35 on.
 */
export async function applyDriverManifests(
  access: KubeAccess,
  kubernetes: KubernetesVersion,
  signal: AbortSignal,
): Promise<void> {
  const api = new KubeApi(access);
  for (const driver of ["csi-driver-1.6.0", "csi-driver-1.5.6"] as const) {
    for (const object of await releasedObjects(driver, signal)) await createOnce(api, object);
  }
  await untilServed(api, signal);
  await api.create({
    apiVersion: "storage.k8s.io/v1",
    kind: "CSIDriver",
    metadata: { name: "secrets-store.csi.k8s.io" },
    spec: {
      podInfoOnMount: true,
      attachRequired: false,
      volumeLifecycleModes: ["Ephemeral"],
      requiresRepublish: true,
      tokenRequests: tokenAudiences.map((audience) => ({ audience })),
      ...(kubernetes !== "1.34" && { serviceAccountTokenInSecrets: true }),
    },
  });
}

/** A definition is served a moment after it is made; the driver does not wait for that. */
async function untilServed(api: KubeApi, signal: AbortSignal): Promise<void> {
  for (const kind of ["SecretProviderClass", "SecretProviderClassPodStatus"]) {
    await eventually(() => api.list({ apiVersion: "secrets-store.csi.x-k8s.io/v1", kind }, "default"), signal);
  }
}

async function releasedObjects(
  driver: "csi-driver-1.6.0" | "csi-driver-1.5.6",
  signal: AbortSignal,
): Promise<KubeObject[]> {
  const deploy = join(await goModuleFolder(driver, module, signal), "deploy");
  const files = (await readdir(deploy)).filter((file) => /^(rbac-|secrets-store\.csi)/.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(deploy, file), "utf8")));
  return texts.flatMap((text) => [...parseAllDocuments(text)].map((document) => document.toJS() as KubeObject));
}

/** 1.5.6 brings what 1.6.0 brings, under the same names, and some more roles. */
async function createOnce(api: KubeApi, object: KubeObject): Promise<void> {
  try {
    await api.create(object);
  } catch (error) {
    if (!(error instanceof KubeError && error.status === 409)) throw error;
  }
}
