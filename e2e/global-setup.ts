import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { type Prepared, readPrepared } from "./prepared.js";
import { goModuleFolder } from "./stack/build-programs.js";
import { applyDriverManifests } from "./stack/driver-manifests.js";
import { startKubernetes } from "./stack/kubernetes.js";
import type { Stack } from "./stack/stack.js";
import { VaultApi } from "./stack/vault-api.js";
import { startVaultDev } from "./stack/vault-dev.js";
import { createTokenReviewer, enableKubernetesAuth } from "./stack/vault-kubernetes-auth.js";

/** Starts what the driver's tests share, and ends it again, whether they pass or fail. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const interrupted = new AbortController();
  process.once("exit", () => interrupted.abort());
  const endings: (() => Promise<void>)[] = [];
  const tearDown = async () => {
    for (const end of endings.reverse()) await end();
  };
  try {
    const prepared = await preparedFor(project, readPrepared());
    project.provide("stack", await startShared(prepared, endings, interrupted.signal));
  } catch (error) {
    await tearDown();
    throw error;
  }
  return tearDown;
}

/** All projects of a run are set up before any of them runs, so those that come later have a stack of their own. */
async function preparedFor({ name }: TestProject, prepared: Prepared): Promise<Prepared> {
  if (name === "driver") return prepared;
  const own = {
    ...prepared,
    directory: join(prepared.directory, name.slice(0, 1)),
    logs: join(prepared.logs, name),
  };
  for (const folder of [own.directory, own.logs]) await mkdir(folder, { recursive: true });
  return own;
}

async function startShared(prepared: Prepared, endings: (() => Promise<void>)[], signal: AbortSignal): Promise<Stack> {
  const started = performance.now();
  const kubernetes = await startKubernetes(prepared, signal);
  endings.push(kubernetes.stop);
  const vault = await startVaultDev({ binary: prepared.binaries.vault, logs: prepared.logs }, signal);
  endings.push(vault.stop);

  const auditLog = await prepareVault(new VaultApi(vault.access), prepared.logs);
  await createTokenReviewer(kubernetes.access);
  await enableKubernetesAuth(vault.access, kubernetes.access);
  await applyDriverManifests(kubernetes.access, prepared.kubernetes, signal);
  const keyFile = join(prepared.directory, "cluster.key");
  await writeFile(keyFile, randomBytes(32), { mode: 0o600 });
  const csi = await goModuleFolder("csi-driver-1.6.0", "github.com/container-storage-interface/spec", signal);
  console.log(`e2e: the stack is up after ${((performance.now() - started) / 1000).toFixed(1)} s`);
  const { binaries, directory, logs } = prepared;
  return {
    binaries,
    directory,
    logs,
    keep: Boolean(process.env["KEYMOUNT_E2E_KEEP"]),
    keyFile,
    csiProto: join(csi, "csi.proto"),
    kubernetes: kubernetes.access,
    vault: { ...vault.access, auditLog },
  };
}

/** A KV v1 mount beside dev mode's v2, and an audit log that tells whom keymount asks for. */
async function prepareVault(vault: VaultApi, logs: string): Promise<string> {
  const auditLog = join(logs, "vault-audit.log");
  await vault.request("POST", "sys/mounts/kv1", { type: "kv", options: { version: "1" } });
  await vault.request("PUT", "sys/audit/file", { type: "file", options: { file_path: auditLog } });
  await vault.request("PUT", "sys/config/auditing/request-headers/X-Keymount-Pod", { hmac: false });
  return auditLog;
}
