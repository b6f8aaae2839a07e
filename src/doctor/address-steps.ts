import type { Connection } from "../config/connection.js";
import type { Clock } from "../shared/clock.js";
import type { PlainNode } from "../vault/unauthenticated-request.js";
import type { NodeHealth } from "../vault/node-health.js";
import { Break } from "./breaks.js";
import { type Lookup, lookAtDns } from "./dns-step.js";
import { lookAtHealth } from "./health-step.js";
import { Path } from "./path.js";
import type { Round } from "./round.js";
import { targetOf } from "./target.js";
import { lookAtTcp } from "./tcp-step.js";
import { lookAtTls } from "./tls-step.js";

export interface NetworkParts {
  clock: Clock;
  lookup: Lookup;
}

/** A node of Vault that can be asked. */
export interface WellNode {
  line: PlainNode;
  health: NodeHealth;
}

/** Every address, at once; the node to ask, an active one if there is one. */
export async function lookAtNodes(
  connection: Connection,
  parts: NetworkParts,
  round: Round,
): Promise<WellNode | undefined> {
  const nodes = await round.each(connection.addresses, ({ origin }, branch) =>
    lookAtAddress(connection, origin, parts, branch),
  );
  const well = nodes.filter((node) => node !== undefined);
  const told = well.filter(({ health }) => health.clusterId !== "");
  const stranger = told.find(({ health }) => health.clusterId !== told[0]!.health.clusterId);
  if (stranger) {
    const what = `${stranger.line.origin} is of another cluster than ${told[0]!.line.origin}`;
    const act = () => Promise.reject(new Break("vault.other-cluster", what));
    await round.look({ step: "vault", subject: stranger.line.origin, otherwise: "vault.other-cluster", act });
  }
  return well.find(({ health }) => health.standing === "active") ?? well[0];
}

/** From the name to the seal, one address; `undefined` where something on the way is broken. */
async function lookAtAddress(
  { limits, tls }: Connection,
  origin: string,
  { clock, lookup }: NetworkParts,
  round: Round,
): Promise<WellNode | undefined> {
  const target = targetOf(origin);
  const subject = origin;
  const path = new Path(round);
  const found = await path.look({
    step: "dns",
    subject,
    otherwise: "dns.silent",
    act: (signal) => lookAtDns(target, lookup, signal),
  });
  const address = await path.look({
    step: "tcp",
    subject,
    otherwise: "tcp.unreachable",
    act: (signal) => lookAtTcp(target, found!, limits.connectTimeoutMs, signal),
  });
  const material = await path.look({
    step: "tls",
    subject,
    otherwise: "tls.no-tls",
    act: (signal) => lookAtTls({ origin, target, address: address!, settings: tls, now: clock.wall() }, signal),
  });
  const line = { origin, material: material!, limits };
  const health = await path.look({
    step: "vault",
    subject,
    otherwise: "vault.no-answer",
    act: (signal) => lookAtHealth(line, () => clock.wall(), signal),
  });
  return health && { line, health };
}
