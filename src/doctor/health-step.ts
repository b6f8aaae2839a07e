import { type AuthMountLocation, probeAuthMount } from "../vault/auth-mount-probe.js";
import type { PlainNode } from "../vault/unauthenticated-request.js";
import { type NodeHealth, askHealth } from "../vault/node-health.js";
import { VaultError } from "../vault/vault-error.js";
import { keepsLeasesAtStandby } from "./openbao-releases.js";
import { Problem, problems } from "./problems.js";
import { inCommandsOf } from "./product-commands.js";
import type { CheckResult } from "./check-runner.js";

/** Tokens are given some leeway; within this, clocks that differ do no harm. */
const harmlessSkewMs = 30_000;

/**
 * What a node says of itself; `health` is `undefined` where something before Vault answers `sys/health`, and logins at
 * `authMount` come through to Vault: keymount needs no more.
 */
export async function checkHealth(
  line: PlainNode,
  authMount: AuthMountLocation,
  signal: AbortSignal,
): Promise<CheckResult<{ health: NodeHealth | undefined }>> {
  const health = await askHealth(line, signal).catch((reason: unknown) => {
    if (!(reason instanceof VaultError)) throw reason;
    return reason;
  });
  if (health instanceof VaultError) return withoutHealth(health, line, authMount, signal);
  const { product, version, standing, clusterId } = health;
  const broken = (known: "vault.uninitialised" | "vault.sealed", what: string) =>
    new Problem(known, `${product} at ${line.origin} ${what}`, inCommandsOf(product, problems[known].fix));
  if (!health.initialised) throw broken("vault.uninitialised", "is not initialised");
  if (health.sealed) throw broken("vault.sealed", "is sealed");
  if (standing === "disaster recovery secondary")
    throw new Problem("vault.dr-secondary", `${line.origin} is a ${standing}`);
  const facts = [
    `${version === "" ? product : `${product} ${version}`}, unsealed, ${standing}`,
    ...(clusterId === "" ? [] : [`cluster ${clusterId}`]),
  ];
  return { value: { health }, facts, warnings: [...skewOf(health), ...keptLeasesOf(health)] };
}

async function withoutHealth(
  reason: VaultError,
  line: PlainNode,
  authMount: AuthMountLocation,
  signal: AbortSignal,
): Promise<CheckResult<{ health: undefined }>> {
  const problem = new Problem(reason.kind === "outage" ? "vault.no-answer" : "vault.not-vault", reason.message);
  if (reason.kind !== "protocol") throw problem;
  const { found } = await probeAuthMount(line, authMount, signal).catch((refusal: unknown) => {
    if (!(refusal instanceof VaultError)) throw refusal;
    throw refusal.kind === "sealed" ? new Problem("vault.sealed", refusal.message) : problem;
  });
  // A page answers a login, too.
  if (found === "unclear") throw problem;
  const what = "something before Vault (a proxy, gateway or mesh) answers sys/health itself";
  const warning = `${what} (${reason.status}), so Vault's version, standing and clock cannot be seen here; logins reach Vault`;
  return { value: { health: undefined }, facts: [], warnings: [warning] };
}

function skewOf({ clockAheadMs = 0, product }: NodeHealth): string[] {
  if (Math.abs(clockAheadMs) < harmlessSkewMs) return [];
  const seconds = Math.round(Math.abs(clockAheadMs) / 1000);
  return [
    `${product}'s clock is ${seconds} s ${clockAheadMs > 0 ? "ahead of" : "behind"} ours: tokens may seem expired, or not valid yet`,
  ];
}

function keptLeasesOf(health: NodeHealth): string[] {
  if (!keepsLeasesAtStandby(health)) return [];
  return [
    `as a standby, OpenBao ${health.version} does not forward renewals and revocations of leases: ` +
      "list the active node's address too, or use 2.6.2 or newer",
  ];
}
