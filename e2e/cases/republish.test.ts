import { describe, expect, test } from "vitest";
import { auditedRequests } from "../stack/audit-log.js";
import { driverVersions } from "../stack/csi-driver.js";
import { eventually } from "../stack/eventually.js";
import { createFixture } from "../stack/fixture.js";

describe.each(driverVersions)("driver %s", async (driver) => {
  const { stack, node, app, signal } = await createFixture("republish", { driver, rotationPollInterval: "1s" });
  const secretPath = `secret/data/${app.namespace}/db`;

  test("five Mounts within the refreshInterval ask Vault for nothing", async () => {
    await app.vault.writeSecret(`${app.namespace}/db`, { password: "1" });
    const object = { objectName: "password", secretPath, secretKey: "password", refreshInterval: "1h" };
    const volume = await app.volume(node, { objects: [object] });

    await volume.publish(signal);
    await eventually(async () => {
      await volume.publish(signal);
      expect(await node.provider().mounts()).toBeGreaterThanOrEqual(6);
    }, signal);

    const asked = await auditedRequests(stack.vault.auditLog, app.namespace);
    expect(asked.map(({ what }) => what)).toEqual(["login", `read ${secretPath}`]);
    expect(await volume.texts()).toEqual({ password: "1" });
  });
});
