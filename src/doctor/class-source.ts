import type { KubeClient } from "../kube/kube-client.js";
import { KubeError } from "../kube/kube-error.js";
import { readProviderClass } from "../kube/provider-class.js";
import { ProviderError } from "../shared/errors.js";
import { Problem, Skipped } from "./problems.js";
import type { ClassInput, DoctorInput } from "./input.js";

/** The class, from the API server where only its name is known. */
export async function classInHand(
  found: NonNullable<DoctorInput["class"]>,
  kube: Pick<KubeClient, "call"> | undefined,
  signal: AbortSignal,
): Promise<ClassInput> {
  if ("parameters" in found) return found;
  const { namespace, name } = found;
  const instead = `give it with kubectl get secretproviderclass ${name} -n ${namespace} -o yaml | keymount doctor -f - …`;
  if (!kube) throw new Skipped(`this is no container of a cluster, so there is no API server to ask; ${instead}`);
  try {
    const { spec } = await readProviderClass(kube, found, signal);
    return { name, provider: spec.provider, parameters: new Map(Object.entries(spec.parameters)) };
  } catch (reason) {
    signal.throwIfAborted();
    if (reason instanceof KubeError && reason.status === 404) throw new Problem("class.absent", reason.message);
    throw new Skipped(`${ProviderError.from(reason).message}; ${instead}`);
  }
}
