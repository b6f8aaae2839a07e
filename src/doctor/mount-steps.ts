import type { Connection } from "../config/connection.js";
import type { CsiDriver } from "../kube/csi-driver.js";
import type { Renderer } from "../mount/ports.js";
import type { Clock } from "../shared/clock.js";
import type { Random } from "../shared/random.js";
import type { AuthMountLocation } from "../vault/auth-mount-probe.js";
import { createVaultClient } from "../vault/create-vault-client.js";
import type { WellNode } from "./address-steps.js";
import { checkAuthMount, checkRole } from "./auth-steps.js";
import type { Kube } from "./cluster-read.js";
import { policyMistake } from "./class-steps.js";
import type { DoctorInput } from "./input.js";
import type { FoundMountTarget } from "./target-steps.js";
import { checkLogin } from "./login-steps.js";
import { CheckChain } from "./check-chain.js";
import type { Check, CheckRunner } from "./check-runner.js";
import { checkToken } from "./token-step.js";

export interface MountCheckParts {
  clock: Clock;
  random: Random;
  /** In a cluster only. */
  kube: Kube | undefined;
  renderer: Renderer;
}

/** The first step that speaks to Vault for somebody; without an target there is still the connection's own auth mount. */
export async function checkAuth(
  { authMount, vaultNamespace }: Connection,
  node: WellNode | undefined,
  because: string,
  runner: CheckRunner,
): Promise<void> {
  const path = new CheckChain(runner);
  if (!node) path.block(noNode);
  await path.check(authMountCheck(node!, { authMount, vaultNamespace }));
  runner.skipFrom("role", because);
}

export interface MountCheck {
  input: DoctorInput;
  target: FoundMountTarget;
  node: WellNode | undefined;
  /** Where it could be read. */
  driver: CsiDriver | undefined;
}

/** From the auth mount to each object. */
export async function checkMount(
  { input, target, node, driver }: MountCheck,
  parts: MountCheckParts,
  runner: CheckRunner,
): Promise<void> {
  const { connection, role } = target;
  const path = new CheckChain(runner);
  if (!node) path.block(noNode);
  if (policyMistake(target, connection, input.account, [])) path.block("the connection's policy refuses it");
  await path.check(authMountCheck(node!, target));
  await path.check({
    step: "role",
    subject: role,
    fallbackProblem: "role.no-answer",
    run: (signal) => checkRole(node!.line, { ...target, authMethod: connection.authMethod }, signal),
  });
  const chosen = await runner.check({
    step: "token",
    fallbackProblem: "token.unusable",
    run: (signal) => checkToken({ input, target, kube: parts.kube, now: parts.clock.wall() }, signal),
  });
  if (!chosen) path.block("needs token first");
  const client = createVaultClient({ clock: parts.clock, random: parts.random, emit: () => {} });
  try {
    const { account, readAll } = input;
    const login = {
      clock: parts.clock,
      client,
      renderer: parts.renderer,
      connection,
      target,
      account,
      readAll,
      driver,
      health: node?.health,
    };
    await checkLogin(login, chosen!, path, runner);
  } finally {
    await client.close();
  }
}

const noNode = "no address of the connection answers as it should";

function authMountCheck(node: WellNode, location: AuthMountLocation): Check<true> {
  return {
    step: "auth",
    subject: `auth/${location.authMount}`,
    fallbackProblem: "auth.no-answer",
    run: (signal) => checkAuthMount(node.line, location, signal),
  };
}
