import type { Connection } from "../config/connection.js";
import type { Clock } from "../shared/clock.js";
import type { PlainNode } from "../vault/unauthenticated-request.js";
import type { NodeHealth } from "../vault/node-health.js";
import { Problem } from "./problems.js";
import { type Lookup, checkDns } from "./dns-step.js";
import { checkHealth } from "./health-step.js";
import { CheckChain } from "./check-chain.js";
import type { CheckRunner } from "./check-runner.js";
import { targetOf } from "./target.js";
import { checkTcp } from "./tcp-step.js";
import { checkTls } from "./tls-step.js";

export interface NetworkParts {
  clock: Clock;
  lookup: Lookup;
}

/** A node of Vault that can be asked; its health is not known where something before it answers `sys/health`. */
export interface WellNode {
  line: PlainNode;
  health: NodeHealth | undefined;
}

/** Every address, at once; the node to ask, an active one if there is one. */
export async function checkNodes(
  connection: Connection,
  parts: NetworkParts,
  runner: CheckRunner,
): Promise<WellNode | undefined> {
  const nodes = await runner.each(connection.addresses, ({ origin }, branch) =>
    checkAddress(connection, origin, parts, branch),
  );
  const well = nodes.filter((node) => node !== undefined);
  const told = well.filter(({ health }) => health && health.clusterId !== "");
  const foreign = told.find(({ health }) => health?.clusterId !== told[0]!.health?.clusterId);
  if (foreign) {
    const what = `${foreign.line.origin} is of another cluster than ${told[0]!.line.origin}`;
    const run = () => Promise.reject(new Problem("vault.other-cluster", what));
    await runner.check({ step: "vault", subject: foreign.line.origin, fallbackProblem: "vault.other-cluster", run });
  }
  return well.find(({ health }) => health?.standing === "active") ?? well[0];
}

/** From the name to the seal, one address; `undefined` where something on the way is broken. */
async function checkAddress(
  { limits, tls, authMount, vaultNamespace }: Connection,
  origin: string,
  { clock, lookup }: NetworkParts,
  runner: CheckRunner,
): Promise<WellNode | undefined> {
  const target = targetOf(origin);
  const subject = origin;
  const path = new CheckChain(runner);
  const found = await path.check({
    step: "dns",
    subject,
    fallbackProblem: "dns.silent",
    run: (signal) => checkDns(target, lookup, signal),
  });
  const address = await path.check({
    step: "tcp",
    subject,
    fallbackProblem: "tcp.unreachable",
    run: (signal) => checkTcp(target, found!, { ms: limits.connectTimeoutMs, clock }, signal),
  });
  const material = await path.check({
    step: "tls",
    subject,
    fallbackProblem: "tls.no-tls",
    run: (signal) => checkTls({ origin, target, address: address!, settings: tls, clock }, signal),
  });
  const line = { origin, material: material!, limits, clock };
  const answer = await path.check({
    step: "vault",
    subject,
    fallbackProblem: "vault.no-answer",
    run: (signal) => checkHealth(line, { authMount, vaultNamespace }, signal),
  });
  return answer && { line, health: answer.health };
}
