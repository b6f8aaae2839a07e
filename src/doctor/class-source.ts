import { readProviderClass } from "../kube/provider-class.js";
import { type Kube, readInCluster } from "./cluster-read.js";
import type { ClassInput, DoctorInput } from "./input.js";

/** The class, from the API server where only its name is known. */
export async function classInHand(
  found: NonNullable<DoctorInput["class"]>,
  kube: Kube | undefined,
  signal: AbortSignal,
): Promise<ClassInput> {
  if ("parameters" in found) return found;
  const { namespace, name } = found;
  const instead = `give it with kubectl get secretproviderclass ${name} -n ${namespace} -o yaml | keymount doctor -f - …`;
  const read = (one: Kube) => readProviderClass(one, found, signal);
  const { spec } = await readInCluster(kube, read, { absent: "class.absent", instead }, signal);
  return { name, provider: spec.provider, parameters: new Map(Object.entries(spec.parameters)) };
}
