import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeIdentity } from "../../../dev/testing/certificates.js";
import { eventually } from "../../stack/eventually.js";
import type { KubeAccess } from "../../stack/kube-api.js";
import type { VaultAccess } from "../../stack/vault-api.js";
import { createTokenReviewer, enableKubernetesAuth } from "../../stack/vault-kubernetes-auth.js";
import type { Service } from "../../stack/service.js";
import { startVaultRaft } from "../../stack/vault-raft.js";
import { addresses } from "./addresses.js";

export interface ClusterVault {
  readonly access: VaultAccess & { readonly auditLog: string };
  /** Started, it is also unsealed, and leads. */
  readonly service: Pick<Service, "start" | "stop" | "crash">;
  readonly stop: () => Promise<void>;
}

/** Vault with TLS by a CA of its own, KV v2 at `secret/`, v1 at `kv1/`, an audit log, and the cluster's tokens as logins. */
export async function startVault(
  { binary, directory, logs, kubernetes }: { binary: string; directory: string; logs: string; kubernetes: KubeAccess },
  signal: AbortSignal,
): Promise<ClusterVault> {
  const folder = join(directory, "vault");
  await mkdir(folder);
  const listener = { ...addresses.vault, tls: await writeTls(folder, [addresses.vault.ip]) };
  const raft = await startVaultRaft({ binary, directory: folder, logs, size: 1, listeners: [listener] }, signal);
  const node = raft.nodes[0]!;
  const auditLog = join(logs, "vault-audit.log");
  const { address, token, ca = "" } = node.api.access;
  const access = { address, token, ca, auditLog };
  await node.api.request("POST", "sys/mounts/secret", { type: "kv", options: { version: "2" } });
  await node.api.request("POST", "sys/mounts/kv1", { type: "kv", options: { version: "1" } });
  await node.api.request("PUT", "sys/audit/file", { type: "file", options: { file_path: auditLog } });
  await node.api.request("PUT", "sys/config/auditing/request-headers/X-Keymount-Pod", { hmac: false });
  await createTokenReviewer(kubernetes);
  await enableKubernetesAuth(access, kubernetes);
  const service = {
    start: async () => {
      await node.start();
      await node.unseal();
      // It answers 200 once it leads, and takes writes.
      await eventually(() => node.api.request("GET", "sys/health"), signal);
    },
    stop: () => node.end("SIGTERM"),
    crash: () => node.end("SIGKILL"),
  };
  return { access, service, stop: raft.stop };
}

/** A certificate that is good for these addresses, its key, and the CA that vouches for it. */
export async function writeTls(folder: string, names: readonly string[]) {
  const ca = makeIdentity({ commonName: "e2e CA", isCa: true });
  const server = makeIdentity({ commonName: "vault", names, by: ca });
  const certFile = join(folder, "vault.crt");
  const keyFile = join(folder, "vault.key");
  await writeFile(certFile, server.cert);
  await writeFile(keyFile, server.key, { mode: 0o600 });
  return { certFile, keyFile, ca: ca.cert };
}
