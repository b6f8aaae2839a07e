import { basename, join } from "node:path";
import type { Options } from "../config/options.js";
import { lookAtNodes, type NetworkParts } from "./address-steps.js";
import { Break } from "./breaks.js";
import type { Complaint } from "./complaint.js";
import { lookAtErrand, noClass } from "./errand-steps.js";
import { type InsideParts, lookAtDoor, lookInside } from "./inside-steps.js";
import type { Round, Seen } from "./round.js";
import { lookAtSockets, type SocketPlaces } from "./socket-step.js";

export interface WalkParts extends NetworkParts, InsideParts {
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
  if (!options) return round.skipFrom("dns", "needs configuration first");
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
