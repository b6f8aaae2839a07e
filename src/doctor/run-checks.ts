import { basename, join } from "node:path";
import type { Options } from "../config/options.js";
import { checkNodes, type NetworkParts } from "./address-steps.js";
import { checkDriver } from "./driver-step.js";
import { Problem } from "./problems.js";
import type { DoctorInput } from "./input.js";
import { checkMountTarget, noClass } from "./target-steps.js";
import { type MountCheckParts, checkAuth, checkMount } from "./mount-steps.js";
import type { CheckRunner, CheckResult } from "./check-runner.js";
import { checkSockets, type SocketPaths } from "./socket-step.js";

export interface RunChecksParts extends NetworkParts, MountCheckParts {
  /** Where the driver looks for sockets, in its order. */
  driverDirectories: readonly string[];
}

/**
 * Walks from the driver's socket to each secret, as a Mount does, and looks at each step on the way. What depends on
 * something broken is skipped; all else is looked at. It binds nothing and keeps nothing: the token it is given is revoked.
 * Rejects only when the runner's signal aborts.
 */
export async function runChecks(input: DoctorInput, parts: RunChecksParts, runner: CheckRunner): Promise<void> {
  const options = "mistakes" in input.options ? undefined : input.options;
  const sockets = socketPaths(options, parts.driverDirectories);
  await checkSockets(sockets, options?.kubernetesApi !== undefined, runner);
  await runner.check({
    step: "configuration",
    fallbackProblem: "configuration.mistake",
    run: async () => configuration(input),
  });
  const target = await checkMountTarget(input, options, parts.kube, runner);
  if (!options) return runner.skipFrom("driver", "needs configuration first");
  const audiences = target ? [target.audiences] : options.operator.connections.map((one) => one.audiences);
  const { fallbackAudiences = [] } = options;
  const driver = await runner.check({
    step: "driver",
    fallbackProblem: "driver.absent",
    run: (signal) => checkDriver({ given: input.csiDriver, kube: parts.kube, audiences, fallbackAudiences }, signal),
  });
  for (const connection of target ? [target.connection] : options.operator.connections) {
    const node = await checkNodes(connection, parts, runner);
    const ofProduct = runner.of(node?.health?.product);
    if (target) await checkMount({ input, target, node, driver }, parts, ofProduct);
    else await checkAuth(connection, node, input.class ? "needs class and connection first" : noClass, ofProduct);
  }
}

/** The provider's name is its socket's, and the driver looks for it in each of its directories. */
function socketPaths(options: Options | undefined, directories: readonly string[]): SocketPaths {
  const { socketPath = join(directories.at(-1)!, "vault.sock"), additionalSocketPath } = options ?? {};
  const own = [...(additionalSocketPath === undefined ? [] : [additionalSocketPath]), socketPath];
  const looked = directories.map((directory) => join(directory, basename(socketPath)));
  return { own, others: looked.filter((path) => !own.includes(path)) };
}

function configuration({ options, flagsFrom }: DoctorInput): CheckResult<true> {
  if ("mistakes" in options) throw new Problem("configuration.mistake", options.mistakes);
  const { connections, defaultConnection } = options.operator;
  const names = connections.map(({ name, addresses }) => {
    const usual = name === defaultConnection.name && connections.length > 1 ? " (default)" : "";
    return `connection ${name}${usual}: ${addresses.map(({ origin }) => origin).join(", ")}`;
  });
  const flags = flagsFrom === undefined ? [] : [`flags of ${flagsFrom}`];
  return { value: true, facts: [`provider ${options.providerName}`, ...names, ...flags], warnings: options.notes };
}
