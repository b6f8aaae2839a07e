import type { KubeClient } from "../kube/kube-client.js";
import { KubeError } from "../kube/kube-error.js";
import { ProviderError } from "../shared/errors.js";
import { Problem, type ProblemName, Skipped } from "./problems.js";

export type Kube = Pick<KubeClient, "call">;

/**
 * What the API server gives. Throws that `Problem` where it knows no such thing, and `Skipped` where there is none to ask or it
 * refuses: `instead` continues with what the user can do.
 */
export async function readInCluster<T>(
  kube: Kube | undefined,
  read: (kube: Kube) => Promise<T>,
  { absent, instead }: { absent: ProblemName; instead: string },
  signal: AbortSignal,
): Promise<T> {
  if (!kube) throw new Skipped(`this is no container of a cluster, so there is no API server to ask; ${instead}`);
  try {
    return await read(kube);
  } catch (reason) {
    signal.throwIfAborted();
    if (reason instanceof KubeError && reason.status === 404) throw new Problem(absent, reason.message);
    throw new Skipped(`${ProviderError.from(reason).message}; ${instead}`);
  }
}
