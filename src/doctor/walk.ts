import { basename, join } from "node:path";
import type { Connection } from "../config/connection.js";
import type { Options } from "../config/options.js";
import type { KubeClient } from "../kube/kube-client.js";
import type { Random } from "../shared/random.js";
import type { AuthPlace } from "../vault/auth-mount-probe.js";
import { createVaultClient } from "../vault/create-vault-client.js";
import type { VaultObserver } from "../vault/vault-observer.js";
import { lookAtAddress, type NetworkParts, type WellNode } from "./address-steps.js";
import { lookAtAuthMount, lookAtRole } from "./auth-steps.js";
import { Break, type Step, steps } from "./breaks.js";
import { type Errand, errandOf, lookAtClass, lookAtConnection, lookAtPolicy, policyMistake } from "./class-steps.js";
import { classInHand } from "./class-source.js";
import type { Complaint } from "./complaint.js";
import { visitVault } from "./login-steps.js";
import { Path } from "./path.js";
import type { Look, Round, Seen } from "./round.js";
import { lookAtSockets, type SocketPlaces } from "./socket-step.js";
import { lookAtToken } from "./token-step.js";

export interface WalkParts extends NetworkParts {
  random: Random;
  /** In a cluster only. */
  kube: Pick<KubeClient, "call"> | undefined;
  /** Where the driver looks for sockets, in its order. */
  driverDirectories: readonly string[];
}

/**
 * Walks from the driver's socket to each secret, as a Mount does, and looks at each step on the way. What depends on
 * something broken is not looked at; all else is. It binds nothing and keeps nothing: the token it is given is revoked.
 * Rejects only when the round's signal aborts.
 */
export async function walk(complaint: Complaint, parts: WalkParts, round: Round): Promise<void> {
  const options = "mistakes" in complaint.options ? undefined : complaint.options;
  const sockets = socketPlaces(options, parts.driverDirectories);
  await lookAtSockets(sockets, options?.kubernetesApi !== undefined, round);
  await round.look({
    step: "configuration",
    otherwise: "configuration.mistake",
    act: async () => configuration(complaint),
  });
  const errand = await lookAtErrand(complaint, options, parts.kube, round);
  if (!options) return skipAll(stepsFrom("dns"), "needs configuration first", round);
  for (const connection of errand ? [errand.connection] : options.operator.connections) {
    const node = await lookAtNodes(connection, parts, round);
    if (errand) await lookInside({ complaint, errand, node }, parts, round);
    else await lookAtDoor(connection, node, complaint.class ? "needs class and connection first" : noClass, round);
  }
}

/** The provider's name is its socket's, and the driver looks for it in each of its directories. */
function socketPlaces(options: Options | undefined, directories: readonly string[]): SocketPlaces {
  const { socketPath = join(directories.at(-1)!, "vault.sock"), additionalSocketPath } = options ?? {};
  const own = [...(additionalSocketPath === undefined ? [] : [additionalSocketPath]), socketPath];
  const looked = directories.map((directory) => join(directory, basename(socketPath)));
  return { own, others: looked.filter((path) => !own.includes(path)) };
}

function configuration({ options, flagsFrom }: Complaint): Seen<true> {
  if ("mistakes" in options) throw new Break("configuration.mistake", options.mistakes.join("; "));
  const { connections, defaultConnection } = options.operator;
  const names = connections.map(({ name, addresses }) => {
    const usual = name === defaultConnection.name && connections.length > 1 ? " (default)" : "";
    return `connection ${name}${usual}: ${addresses.map(({ origin }) => origin).join(", ")}`;
  });
  const flags = flagsFrom === undefined ? [] : [`flags of ${flagsFrom}`];
  return { value: true, facts: [`provider ${options.providerName}`, ...names, ...flags], warnings: options.notes };
}

/** What the class asks for, and of which connection. */
interface FoundErrand extends Errand {
  connection: Connection;
}

async function lookAtErrand(
  { class: found, bearer }: Complaint,
  options: Options | undefined,
  kube: WalkParts["kube"],
  round: Round,
): Promise<FoundErrand | undefined> {
  const path = new Path(round);
  if (!found) path.block(noClass);
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

const noClass = "no class is named (-f FILE, or --class NAME in a cluster)";

/** Every address, at once; the node to ask, an active one if there is one. */
async function lookAtNodes(connection: Connection, parts: NetworkParts, round: Round): Promise<WellNode | undefined> {
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

/** The first step that speaks to Vault for somebody; without an errand there is still the connection's own auth mount. */
async function lookAtDoor(
  { authMount, vaultNamespace }: Connection,
  node: WellNode | undefined,
  because: string,
  round: Round,
): Promise<void> {
  const path = new Path(round);
  if (!node) path.block(noNode);
  await path.look(authLook(node!, { authMount, vaultNamespace }));
  skipAll(stepsFrom("role"), because, round);
}

interface Inside {
  complaint: Complaint;
  errand: FoundErrand;
  node: WellNode | undefined;
}

/** From the auth mount to each object. */
async function lookInside({ complaint, errand, node }: Inside, parts: WalkParts, round: Round): Promise<void> {
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
    const visit = { client, connection, errand, bearer: complaint.bearer, readAll: complaint.readAll };
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

function stepsFrom(first: Step): readonly Step[] {
  return steps.slice(steps.indexOf(first));
}

function skipAll(these: readonly Step[], because: string, round: Round): void {
  for (const step of these) round.skip(step, because);
}
