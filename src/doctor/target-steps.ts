import type { Connection } from "../config/connection.js";
import type { Options } from "../config/options.js";
import { classInHand } from "./class-source.js";
import type { Kube } from "./cluster-read.js";
import { type MountTarget, mountTargetOf, checkClass, checkConnection, checkPolicy } from "./class-steps.js";
import type { DoctorInput } from "./input.js";
import { CheckChain } from "./check-chain.js";
import type { CheckRunner } from "./check-runner.js";

export const noClass = "no class is named (-f FILE, or --class NAME in a cluster)";

/** What the class asks for, and of which connection. */
export interface FoundMountTarget extends MountTarget {
  connection: Connection;
}

/** The class, its connection, and what the operator says to it. */
export async function checkMountTarget(
  { class: found, account }: DoctorInput,
  options: Options | undefined,
  kube: Kube | undefined,
  runner: CheckRunner,
): Promise<FoundMountTarget | undefined> {
  const path = new CheckChain(runner);
  if (!found) path.block(noClass);
  else if (!options && !("parameters" in found)) path.block("needs configuration first");
  const spec = await path.check({
    step: "class",
    fallbackProblem: "class.absent",
    run: async (signal) => checkClass(await classInHand(found!, kube, signal), options?.providerName),
  });
  if (!options) path.block("needs configuration first");
  const connection = await path.check({
    step: "connection",
    fallbackProblem: "connection.unknown",
    run: async () => checkConnection(spec!, options!, account),
  });
  const target = spec && connection && { ...mountTargetOf(spec, connection), connection };
  await path.check({
    step: "policy",
    fallbackProblem: "policy.refused",
    run: async () => checkPolicy(target!, connection!, account),
  });
  return target;
}
