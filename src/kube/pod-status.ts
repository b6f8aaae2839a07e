import { z } from "zod";
import { ProviderError } from "../shared/errors.js";
import { type KubeClient, kubePath } from "./kube-client.js";
import { KubeError } from "./kube-error.js";
import type { PodEvent } from "./pod-event.js";

const pod = z.object({
  metadata: z.object({ uid: z.string() }),
  status: z.object({ phase: z.string().optional() }).optional(),
});

/** What nobody asks for here, and may be as long as its author likes. */
const omit = ["spec", "ownerReferences", "managedFields"];

/**
 * Whether a pod is gone for certain: the API server says that there is none of its name, or one with another uid, or that
 * it has ended, which a pod does not come back from. Throws for everything else, for an error never means absence.
 */
export async function podStatus(
  kube: Pick<KubeClient, "call">,
  { namespace, name, uid }: PodEvent["pod"],
  signal: AbortSignal,
): Promise<"lives" | "gone"> {
  const path = kubePath`/api/v1/namespaces/${namespace}/pods/${name}`;
  try {
    const read = pod.safeParse(
      (await kube.call({ method: "GET", path, omit, purpose: "looking for a pod" }, signal)).reveal(),
    );
    if (!read.success)
      throw new ProviderError("unavailable", "the Kubernetes API tells of a pod in a form that is not understood");
    const { metadata, status } = read.data;
    const ended = status?.phase === "Succeeded" || status?.phase === "Failed";
    return metadata.uid !== uid || ended ? "gone" : "lives";
  } catch (error) {
    // A proxy's 404 is no Status, so that it has no reason, nor has one for a path that the API server does not know.
    if (error instanceof KubeError && error.status === 404 && error.reason === "NotFound") return "gone";
    throw error;
  }
}
