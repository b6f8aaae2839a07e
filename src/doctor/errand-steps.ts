import type { Connection } from "../config/connection.js";
import type { Options } from "../config/options.js";
import type { KubeClient } from "../kube/kube-client.js";
import { classInHand } from "./class-source.js";
import { type Errand, errandOf, lookAtClass, lookAtConnection, lookAtPolicy } from "./class-steps.js";
import type { Complaint } from "./complaint.js";
import { Path } from "./path.js";
import type { Round } from "./round.js";

export const noClass = "no class is named (-f FILE, or --class NAME in a cluster)";

/** What the class asks for, and of which connection. */
export interface FoundErrand extends Errand {
  connection: Connection;
}

/** The class, its connection, and what the operator says to it. */
export async function lookAtErrand(
  { class: found, bearer }: Complaint,
  options: Options | undefined,
  kube: Pick<KubeClient, "call"> | undefined,
  round: Round,
): Promise<FoundErrand | undefined> {
  const path = new Path(round);
  if (!found) path.block(noClass);
  else if (!options && !("parameters" in found)) path.block("needs configuration first");
  const spec = await path.look({
    step: "class",
    otherwise: "class.absent",
    act: async (signal) => lookAtClass(await classInHand(found!, kube, signal), options?.providerName),
  });
  if (!options) path.block("needs configuration first");
  const connection = await path.look({
    step: "connection",
    otherwise: "connection.unknown",
    act: async () => lookAtConnection(spec!, options!, bearer),
  });
  const errand = spec && connection && { ...errandOf(spec, connection), connection };
  await path.look({
    step: "policy",
    otherwise: "policy.refused",
    act: async () => lookAtPolicy(errand!, connection!, bearer),
  });
  return errand;
}
