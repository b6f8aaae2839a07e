import type { Connection } from "../config/connection.js";
import type { KubeClient } from "../kube/kube-client.js";
import type { Renderer } from "../mount/ports.js";
import type { Clock } from "../shared/clock.js";
import type { Random } from "../shared/random.js";
import type { AuthPlace } from "../vault/auth-mount-probe.js";
import { createVaultClient } from "../vault/create-vault-client.js";
import type { VaultObserver } from "../vault/vault-observer.js";
import type { WellNode } from "./address-steps.js";
import { lookAtAuthMount, lookAtRole } from "./auth-steps.js";
import { policyMistake } from "./class-steps.js";
import type { Complaint } from "./complaint.js";
import type { FoundErrand } from "./errand-steps.js";
import { visitVault } from "./login-steps.js";
import { Path } from "./path.js";
import type { Look, Round } from "./round.js";
import { lookAtToken } from "./token-step.js";

export interface InsideParts {
  clock: Clock;
  random: Random;
  /** In a cluster only. */
  kube: Pick<KubeClient, "call"> | undefined;
  workshop: Renderer;
}

/** The first step that speaks to Vault for somebody; without an errand there is still the connection's own auth mount. */
export async function lookAtDoor(
  { authMount, vaultNamespace }: Connection,
  node: WellNode | undefined,
  because: string,
  round: Round,
): Promise<void> {
  const path = new Path(round);
  if (!node) path.block(noNode);
  await path.look(authLook(node!, { authMount, vaultNamespace }));
  round.skipFrom("role", because);
}

export interface Inside {
  complaint: Complaint;
  errand: FoundErrand;
  node: WellNode | undefined;
}

/** From the auth mount to each object. */
export async function lookInside({ complaint, errand, node }: Inside, parts: InsideParts, round: Round): Promise<void> {
  const { connection, role } = errand;
  const path = new Path(round);
  if (!node) path.block(noNode);
  if (policyMistake(errand, connection, complaint.bearer, [])) path.block("the operator's policy refuses it");
  await path.look(authLook(node!, errand));
  await path.look({
    step: "role",
    subject: role,
    otherwise: "role.no-answer",
    act: (signal) => lookAtRole(node!.line, errand, role, signal),
  });
  const chosen = await round.look({
    step: "token",
    otherwise: "token.unusable",
    act: (signal) => lookAtToken({ complaint, errand, kube: parts.kube, now: parts.clock.wall() }, signal),
  });
  if (!chosen) path.block("needs token first");
  const client = createVaultClient({ clock: parts.clock, random: parts.random, observer: nobody });
  try {
    const { bearer, readAll } = complaint;
    const visit = { client, workshop: parts.workshop, connection, errand, bearer, readAll };
    await visitVault(visit, chosen!, path, round);
  } finally {
    await client.close();
  }
}

const noNode = "no address of the connection answers as it should";

function authLook(node: WellNode, place: AuthPlace): Look<true> {
  return {
    step: "auth",
    subject: `auth/${place.authMount}`,
    otherwise: "auth.no-answer",
    act: (signal) => lookAtAuthMount(node.line, place, signal),
  };
}

/** The walk tells all there is to tell. */
const nobody: VaultObserver = { request() {}, failedOver() {}, faultChanged() {}, tlsFilesRejected() {} };
