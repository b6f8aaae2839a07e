import { z } from "zod";
import { ProviderError } from "../shared/errors.js";
import { type KubeClient, kubePath } from "./kube-client.js";

/** The Secrets Store CSI driver's object, which tells the kubelet how to call it. */
export const csiDriverName = "secrets-store.csi.k8s.io";

/** With what the API server fills in (pkg/apis/storage/v1/defaults.go). */
const shape = z.object({
  spec: z.object({
    podInfoOnMount: z.boolean().default(false),
    requiresRepublish: z.boolean().default(false),
    volumeLifecycleModes: z.array(z.string()).default(["Persistent"]),
    fsGroupPolicy: z.string().default("ReadWriteOnceWithFSType"),
    tokenRequests: z
      .array(z.object({ audience: z.string().default(""), expirationSeconds: z.coerce.number().default(3_600) }))
      .default([]),
  }),
});

export type CsiDriver = z.infer<typeof shape>["spec"];

/** The spec of the CSIDriver object that a JSON value is; `undefined` for any other. */
export function csiDriverIn(value: unknown): CsiDriver | undefined {
  return shape.safeParse(value).data?.spec;
}

/** As the API server has it. Throws a `KubeError` for a refusal. */
export async function readCsiDriver(kube: Pick<KubeClient, "call">, signal: AbortSignal): Promise<CsiDriver> {
  const purpose = `reading CSIDriver ${csiDriverName}`;
  const path = kubePath`/apis/storage.k8s.io/v1/csidrivers/${csiDriverName}`;
  const driver = csiDriverIn((await kube.call({ method: "GET", path, purpose }, signal)).reveal());
  if (!driver) throw new ProviderError("unavailable", `${purpose}: the Kubernetes API gave no CSIDriver`);
  return driver;
}
