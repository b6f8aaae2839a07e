import { quoted } from "../shared/quoted.js";
import { type AuthMountLocation, type RoleLocation, probeAuthMount, probeRole } from "../vault/auth-mount-probe.js";
import { type ClosedNamespace, closedNamespaceTexts } from "../vault/closed-namespace.js";
import type { PlainNode } from "../vault/unauthenticated-request.js";
import { VaultError } from "../vault/vault-error.js";
import { Problem } from "./problems.js";
import type { CheckResult } from "./check-runner.js";

/** Whether pods can log in at the mount at all. */
export async function checkAuthMount(
  node: PlainNode,
  location: AuthMountLocation,
  signal: AbortSignal,
): Promise<CheckResult<true>> {
  const finding = await probeAuthMount(node, location, signal).catch((reason: unknown) => {
    if (!(reason instanceof VaultError)) throw reason;
    if (reason.kind === "protocol") throw new Problem("auth.not-vault", reason.message);
    if (reason.kind === "quota") throw new Problem("auth.quota", reason.message);
    throw reason;
  });
  const where = locationName(location);
  switch (finding.found) {
    case "known method":
      return { value: true, facts: ["it takes logins of service accounts"] };
    case "another method":
      throw new Problem(
        "auth.other-method",
        `what is mounted at ${where} takes no service account${finding.method && `: it is ${finding.method}`}`,
      );
    case "closed namespace":
      throw new Problem(`auth.namespace-${finding.namespace}`, closed(location, finding.namespace));
    case "unconfigured":
      throw new Problem("auth.unconfigured", `${where} is enabled, but not configured`);
    case "absent":
      throw new Problem("auth.absent", `no auth method that service accounts log in with is enabled at ${where}`);
    case "unclear":
      return { value: true, facts: [], warnings: [unclear(where)] };
  }
}

export async function checkRole(
  node: PlainNode,
  location: RoleLocation,
  signal: AbortSignal,
): Promise<CheckResult<true>> {
  const where = locationName(location);
  switch (await probeRole(node, location, signal)) {
    case "there":
      return { value: true, facts: [`${where} has it`] };
    case "absent":
      throw new Problem("role.absent", `${where} has no role ${quoted(location.role)}`);
    case "unconfigured":
      throw new Problem("auth.unconfigured", `${where} is enabled, but not configured`);
    case "unclear":
      return { value: true, facts: [], warnings: [unclear(where)] };
  }
}

function closed({ vaultNamespace, authMount }: AuthMountLocation, namespace: ClosedNamespace): string {
  const which = vaultNamespace === "" ? `of auth/${authMount}` : quoted(vaultNamespace);
  return `the Vault namespace ${which} ${closedNamespaceTexts[namespace]}`;
}

function unclear(where: string): string {
  return `what Vault answers at ${where} does not tell; the login will`;
}

function locationName({ authMount, vaultNamespace }: AuthMountLocation): string {
  return `auth/${authMount}${vaultNamespace === "" ? "" : ` of Vault namespace ${quoted(vaultNamespace)}`}`;
}
