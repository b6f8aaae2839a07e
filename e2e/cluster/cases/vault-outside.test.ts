import { execFile } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { VaultApi } from "../../stack/vault-api.js";
import { startVaultDev } from "../../stack/vault-dev.js";
import { createFixture } from "../stack/fixture.js";
import { scriptOfSection } from "../stack/documented-commands.js";

const root = join(import.meta.dirname, "../../..");
const { cluster, app, signal, atTheEnd } = await createFixture("vault-outside");

test("the commands of docs/install.md let pods log in to a Vault outside of the cluster", async () => {
  const directory = await mkdtemp(join(cluster.directory, "vault-outside-"));
  const logs = join(cluster.logs, "vault-outside");
  const vault = await startVaultDev({ binary: cluster.binaries.vault, logs }, signal);
  atTheEnd(() => vault.stop());
  const signingKey = createPublicKey(await readFile(cluster.serviceAccountKey));
  await writeFile(join(directory, "sa.pub"), signingKey.export({ type: "spki", format: "pem" }));
  // The cluster has a reviewer of the page's name already, and this test an account of its own.
  const commands = scriptOfSection(await readFile(join(root, "docs/install.md"), "utf8"), "Vault")
    .replaceAll("vault-reviewer", "outside-reviewer")
    .replaceAll("serviceaccount:shop:web", `serviceaccount:${app.namespace}:${app.serviceAccount}`)
    .replaceAll("bound_service_account_names=web", `bound_service_account_names=${app.serviceAccount}`)
    .replaceAll("bound_service_account_namespaces=shop", `bound_service_account_namespaces=${app.namespace}`);
  const programs = 'kubectl() { "$KUBECTL" "$@"; }\nvault() { "$VAULT" "$@"; }\n';
  await promisify(execFile)("bash", ["--norc", "-euo", "pipefail", "-c", `${programs}${commands}`], {
    cwd: directory,
    signal,
    env: {
      PATH: process.env["PATH"],
      HOME: directory,
      KUBECONFIG: cluster.kubeconfig,
      KUBECTL: cluster.binaries.kubectl,
      VAULT: cluster.binaries.vault,
      VAULT_ADDR: vault.access.address,
      VAULT_TOKEN: vault.access.token,
    },
  });

  const account = { namespace: app.namespace, name: app.serviceAccount };
  const { token } = await app.kube.token(account, { audience: "vault" });
  const login = { role: "web", jwt: token };
  const api = new VaultApi(vault.access);
  for (const mount of ["kubernetes", "kubernetes-jwt"]) {
    const { auth } = await api.request<{ auth: { token_policies: string[] } }>("POST", `auth/${mount}/login`, login);
    expect(auth.token_policies, mount).toContain("web");
  }
});
