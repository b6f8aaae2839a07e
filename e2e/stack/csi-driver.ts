import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { inPod } from "./pod-view.js";
import { type ProgramOptions, type RunningProgram, runProgram } from "./running-program.js";
import type { Stack } from "./stack.js";

/** The last driver that sends the socket's path as `:authority`, and the first that rotates by the kubelet's calls. */
export const driverVersions = ["1.5.6", "1.6.0"] as const;

export type DriverVersion = (typeof driverVersions)[number];

export interface DriverOptions {
  readonly version: DriverVersion;
  readonly nodeName: string;
  /** The node's folder: the kubelet's root, as far as the driver knows one. */
  readonly root: string;
  /** As the driver reads durations. Rotation is on when it is given. */
  readonly rotationPollInterval?: string | undefined;
  readonly healthCheckInterval?: string | undefined;
  /** A second folder of providers' sockets; none unless given. */
  readonly additionalProviders?: string;
}

/** The one of the driver's own manifests. */
const account = { namespace: "kube-system", name: "secrets-store-csi-driver" };

/** Where things lie on a node. */
export const nodePaths = (root: string) => ({
  providers: join(root, "providers"),
  csiSocket: join(root, "csi.sock"),
});

/** What the driver needs of a stack. */
type DriverStack = Pick<Stack, "binaries" | "kubernetes" | "logs">;

/** The real driver, run as its DaemonSet runs it: in-cluster configuration, and the rights of its own manifests. */
export async function startCsiDriver(
  stack: DriverStack,
  options: DriverOptions,
  signal: AbortSignal,
): Promise<RunningProgram> {
  signal.throwIfAborted();
  return runProgram(await csiDriverProgram(stack, options));
}

/** How that driver is run. */
export async function csiDriverProgram(stack: DriverStack, options: DriverOptions): Promise<ProgramOptions> {
  const { version, nodeName, root, rotationPollInterval, healthCheckInterval, additionalProviders = "" } = options;
  const { csiSocket, providers } = nodePaths(root);
  await mkdir(providers, { recursive: true });
  const flags = [
    `--endpoint=unix://${csiSocket}`,
    `--nodeid=${nodeName}`,
    `--provider-volume=${providers}`,
    `--additional-provider-volume-paths=${additionalProviders}`,
    "--metrics-addr=127.0.0.1:0",
    "-v=4",
    ...(rotationPollInterval
      ? ["--enable-secret-rotation=true", `--rotation-poll-interval=${rotationPollInterval}`]
      : []),
    ...(healthCheckInterval
      ? ["--provider-health-check=true", `--provider-health-check-interval=${healthCheckInterval}`]
      : []),
  ];
  const command = [stack.binaries[`csi-driver-${version}`], ...flags] as const;
  return {
    name: `CSI driver ${version}`,
    ...(await inPod(stack.kubernetes, account, root, command)),
    log: join(stack.logs, nodeName, "csi-driver.log"),
  };
}
