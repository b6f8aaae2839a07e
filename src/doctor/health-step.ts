import type { PlainNode } from "../vault/unauthenticated-request.js";
import { type NodeHealth, askHealth } from "../vault/node-health.js";
import { VaultError } from "../vault/vault-error.js";
import { keepsLeasesAtStandby } from "./openbao-releases.js";
import { Problem, problems } from "./problems.js";
import { inCommandsOf } from "./product-commands.js";
import type { CheckResult } from "./check-runner.js";

/** Tokens are given some leeway; within this, clocks that differ do no harm. */
const harmlessSkewMs = 30_000;

export async function checkHealth(line: PlainNode, signal: AbortSignal): Promise<CheckResult<NodeHealth>> {
  const health = await askHealth(line, signal).catch((reason: unknown) => {
    if (!(reason instanceof VaultError)) throw reason;
    throw new Problem(reason.kind === "outage" ? "vault.no-answer" : "vault.not-vault", reason.message);
  });
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
  return { value: health, facts, warnings: [...skewOf(health), ...keptLeasesOf(health)] };
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
