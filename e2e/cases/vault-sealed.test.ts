import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { createApplication } from "../stack/application.js";
import { type DriverVersion, driverVersions } from "../stack/csi-driver.js";
import { startNode } from "../stack/node.js";
import { VaultApi } from "../stack/vault-api.js";
import { type OwnServer, ownOpenBao, ownVault } from "../stack/server.js";

describe.each<[DriverVersion, string, OwnServer]>([
  ...driverVersions.map((driver) => [driver, "Vault", ownVault] as [DriverVersion, string, OwnServer]),
  ["1.6.0", "OpenBao", ownOpenBao],
])("driver %s, rotation on, %s", (driver, product, start) => {
  test("a pod whose Vault is sealed waits, never with an empty volume, and gets its files when it is unsealed", async ({
    signal,
  }) => {
    const { stack, unsealKey, stop } = await start(`sealed-${driver}-${product}`, signal);
    onTestFinished(stop);
    const app = await createApplication(stack, "sealed");
    const vault = new VaultApi(stack.vault);
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
    await vault.request("PUT", "sys/unseal", { key: unsealKey });
    await volume.publishUntilMounted(signal);

    expect(await volume.texts()).toEqual({ password: "hunter2" });
  });
});
