import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { createApplication } from "../stack/application.js";
import { driverVersions } from "../stack/csi-driver.js";
import { startNode } from "../stack/node.js";
import { VaultApi } from "../stack/vault-api.js";
import { startVaultDev } from "../stack/vault-dev.js";
import { enableKubernetesAuth } from "../stack/vault-kubernetes-auth.js";

describe.each(driverVersions)("driver %s, rotation on", (driver) => {
  test("a pod whose Vault is sealed waits, never with an empty volume, and gets its files when it is unsealed", async ({
    signal,
  }) => {
    const shared = inject("stack");
    const ownVault = await startVaultDev(
      { binary: shared.binaries.vault, logs: shared.logs, name: `vault-sealed-${driver}` },
      signal,
    );
    onTestFinished(ownVault.stop);
    await enableKubernetesAuth(ownVault.access, shared.kubernetes);
    const stack = { ...shared, vault: { ...shared.vault, ...ownVault.access } };
    const app = await createApplication(stack, "sealed");
    const vault = new VaultApi(ownVault.access);
    await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
    await vault.request("PUT", "sys/seal");
    const node = await startNode(stack, { driver, rotationPollInterval: "30s" }, signal);
    onTestFinished(node.stop);
    const object = { objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" };
    const volume = await app.volume(node, { objects: [object] });

    // The kubelet's own rhythm after failures begins at half a second.
    for (const pauseMs of [500, 1000, 2000]) {
      await expect(volume.publish(signal)).rejects.toThrow(/sealed/);
      await sleep(pauseMs, undefined, { signal });
    }
    await vault.request("PUT", "sys/unseal", { key: ownVault.unsealKey });
    await volume.publishUntilMounted(signal);

    expect(await volume.texts()).toEqual({ password: "hunter2" });
  });
});
