import { z } from "zod";
import { ProviderError } from "../shared/errors.js";
import { type KubeClient, kubePath } from "./kube-client.js";

/** As much of a SecretProviderClass as concerns its provider. */
const shape = z.object({
  spec: z.object({ provider: z.string().default(""), parameters: z.record(z.string(), z.string()).default({}) }),
});

export type StoredClass = z.infer<typeof shape>;

/** A SecretProviderClass as the API server has it. Throws a `KubeError` for a refusal. */
export async function readProviderClass(
  kube: Pick<KubeClient, "call">,
  { namespace, name }: { namespace: string; name: string },
  signal: AbortSignal,
): Promise<StoredClass> {
  const purpose = `reading SecretProviderClass ${namespace}/${name}`;
  const path = kubePath`/apis/secrets-store.csi.x-k8s.io/v1/namespaces/${namespace}/secretproviderclasses/${name}`;
  const read = shape.safeParse((await kube.call({ method: "GET", path, purpose }, signal)).reveal());
  if (!read.success) throw new ProviderError("unavailable", `${purpose}: the Kubernetes API gave no class`);
  return read.data;
}
