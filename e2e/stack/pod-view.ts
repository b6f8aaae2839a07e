import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type KubeAccess, KubeApi } from "./kube-api.js";

export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
}

/**
 * A container's view of the world: its service account's files, in a mount namespace of its own. Shared mounts stay
 * shared, as with mountPropagation Bidirectional; /run is hidden, and hidden from this program alone.
 */
const withServiceAccount = `
set -e
mount --make-private "$(findmnt --noheadings --output TARGET --target /run)"
mount -t tmpfs tmpfs /run
mkdir -p /run/secrets/kubernetes.io
cp -r "$1" /run/secrets/kubernetes.io/serviceaccount
shift
exec "$@"
`;

/**
 * How to run a program as a pod of that service account would run it: in-cluster configuration, and the account's own
 * rights. Its files are kept below `folder`; the token lives for a day.
 */
export async function inPod(
  access: KubeAccess,
  account: ServiceAccount,
  folder: string,
  [command, ...args]: readonly [string, ...string[]],
) {
  const files = await writeServiceAccount(access, account, folder);
  const { hostname, port } = new URL(access.server);
  return {
    command: "unshare",
    args: ["--mount", "--propagation", "unchanged", "sh", "-c", withServiceAccount, "sh", files, command, ...args],
    env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port || "443" },
  };
}

async function writeServiceAccount(access: KubeAccess, account: ServiceAccount, parent: string): Promise<string> {
  const { token } = await new KubeApi(access).token(account, { seconds: 24 * 3600 });
  const folder = await mkdtemp(join(parent, "account-"));
  await writeFile(join(folder, "token"), token, { mode: 0o600 });
  await writeFile(join(folder, "ca.crt"), access.ca);
  await writeFile(join(folder, "namespace"), account.namespace);
  return folder;
}
