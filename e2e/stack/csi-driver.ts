import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KubeApi } from "./kube-api.js";
import { type RunningProgram, runProgram } from "./running-program.js";
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
}

/** Where things lie on a node. */
export const nodePaths = (root: string) => ({
  providers: join(root, "providers"),
  csiSocket: join(root, "csi.sock"),
});

/**
 * The pod's view of the world: its service account's files, in a mount namespace of its own. The node's folder stays
 * shared with ours, as with mountPropagation Bidirectional; /run is hidden, and hidden from the driver alone.
 */
const asInPod = `
set -e
mount --make-private "$(findmnt --noheadings --output TARGET --target /run)"
mount -t tmpfs tmpfs /run
mkdir -p /run/secrets/kubernetes.io
cp -r "$1" /run/secrets/kubernetes.io/serviceaccount
shift
exec "$@"
`;

/** The real driver, run as its DaemonSet runs it: in-cluster configuration, and the rights of its own manifests. */
export async function startCsiDriver(
  stack: Stack,
  options: DriverOptions,
  signal: AbortSignal,
): Promise<RunningProgram> {
  const { version, nodeName, root, rotationPollInterval, healthCheckInterval } = options;
  signal.throwIfAborted();
  const { hostname, port } = new URL(stack.kubernetes.server);
  const serviceAccount = await writeServiceAccount(stack, root);
  const { csiSocket, providers } = nodePaths(root);
  await mkdir(providers, { recursive: true });
  const flags = [
    `--endpoint=unix://${csiSocket}`,
    `--nodeid=${nodeName}`,
    `--provider-volume=${providers}`,
    "--additional-provider-volume-paths=",
    "--metrics-addr=127.0.0.1:0",
    "-v=4",
    ...(rotationPollInterval
      ? ["--enable-secret-rotation=true", `--rotation-poll-interval=${rotationPollInterval}`]
      : []),
    ...(healthCheckInterval
      ? ["--provider-health-check=true", `--provider-health-check-interval=${healthCheckInterval}`]
      : []),
  ];
  const driver = stack.binaries[`csi-driver-${version}`];
  return runProgram({
    name: `CSI driver ${version}`,
    command: "unshare",
    args: ["--mount", "--propagation", "unchanged", "sh", "-c", asInPod, "sh", serviceAccount, driver, ...flags],
    env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
    log: join(stack.logs, nodeName, "csi-driver.log"),
  });
}

async function writeServiceAccount({ kubernetes }: Stack, root: string): Promise<string> {
  const folder = join(root, "serviceaccount");
  const account = { namespace: "kube-system", name: "secrets-store-csi-driver" };
  const { token } = await new KubeApi(kubernetes).token(account, { seconds: 24 * 3600 });
  await mkdir(folder);
  await writeFile(join(folder, "token"), token, { mode: 0o600 });
  await writeFile(join(folder, "ca.crt"), kubernetes.ca);
  await writeFile(join(folder, "namespace"), account.namespace);
  return folder;
}
