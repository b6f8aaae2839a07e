import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rmSync, writeSync } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import { buildPrograms, goModuleFolder } from "./stack/build-programs.js";
import { installDebianPackages } from "./stack/debian-packages.js";
import { applyDriverManifests } from "./stack/driver-manifests.js";
import { startKubernetes } from "./stack/kubernetes.js";
import { unmountAll } from "./stack/mounts.js";
import type { Stack } from "./stack/stack.js";
import { VaultApi } from "./stack/vault-api.js";
import { startVaultDev } from "./stack/vault-dev.js";
import { createTokenReviewer, enableKubernetesAuth } from "./stack/vault-kubernetes-auth.js";

const run = promisify(execFile);

const cache = join(process.env["KEYMOUNT_CACHE"] ?? join(homedir(), ".cache", "keymount"), "e2e");

/** Builds what is missing, starts what all tests share, and ends it again, whether they pass, fail or are cut short. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  if (process.getuid?.() !== 0) throw new Error("the real driver mounts: run e2e as root");
  const interrupted = new AbortController();
  process.once("exit", () => interrupted.abort());
  const { signal } = interrupted;
  await run("npm", ["run", "--silent", "build"], { signal });
  await installDebianPackages(signal);
  const binaries = await buildPrograms(cache, signal);

  const directory = await mkdtemp(join(tmpdir(), "km-"));
  const discard = () => discardFolder(directory);
  // vitest exits a millisecond after Ctrl-C; the programs die with it (running-program.ts), the folder does not.
  process.once("exit", discard);
  const endings: (() => Promise<void>)[] = [];
  const tearDown = async () => {
    for (const end of endings.reverse()) await end();
    if (project.vitest.state.getFailedFilepaths().length === 0 && !process.exitCode) return;
    process.off("exit", discard);
    process.once("exit", () => writeSync(process.stderr.fd, `e2e: the logs are kept in ${directory}/logs\n`));
  };
  try {
    project.provide(
      "stack",
      await startShared({ binaries, directory, logs: join(directory, "logs") }, endings, signal),
    );
  } catch (error) {
    process.exitCode = 1;
    await tearDown();
    throw error;
  }
  return tearDown;
}

function discardFolder(folder: string): void {
  unmountAll(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function startShared(
  place: Pick<Stack, "binaries" | "directory" | "logs">,
  endings: (() => Promise<void>)[],
  signal: AbortSignal,
): Promise<Stack> {
  const started = performance.now();
  await mkdir(place.logs);
  const kubernetes = await startKubernetes(place, signal);
  endings.push(kubernetes.stop);
  const vault = await startVaultDev({ binary: place.binaries.vault, logs: place.logs }, signal);
  endings.push(vault.stop);

  const auditLog = await prepareVault(new VaultApi(vault.access), place.logs);
  await createTokenReviewer(kubernetes.access);
  await enableKubernetesAuth(vault.access, kubernetes.access);
  await applyDriverManifests(kubernetes.access, signal);
  const keyFile = join(place.directory, "cluster.key");
  await writeFile(keyFile, randomBytes(32), { mode: 0o600 });
  const csi = await goModuleFolder("csi-driver-1.6.0", "github.com/container-storage-interface/spec", signal);
  console.log(`e2e: the stack is up after ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return {
    ...place,
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
