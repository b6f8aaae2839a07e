import { describe, expect, test } from "vitest";
import { driverVersions } from "../stack/csi-driver.js";
import { auditedRequests } from "../stack/audit-log.js";
import { createFixture } from "../stack/fixture.js";

describe.each(driverVersions)("driver %s", async (driver) => {
  const { stack, node, app, signal } = await createFixture("many", { driver });

  test("100 pods that start at once all get their files, at one login and one read each", async () => {
    await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2", username: "app" });
    const object = (name: string) => ({
      objectName: name,
      secretPath: `secret/data/${app.namespace}/db`,
      secretKey: name,
    });
    const className = await app.createClass({ objects: [object("password"), object("username")] });
    const volumes = await Promise.all(Array.from({ length: 100 }, () => app.podVolume(node, className)));

    await Promise.all(volumes.map((volume) => volume.publish(signal)));

    for (const volume of volumes) expect(await volume.texts()).toEqual({ password: "hunter2", username: "app" });
    const asked = await auditedRequests(stack.vault.auditLog, app.namespace);
    expect(asked.filter(({ what }) => what === "login")).toHaveLength(100);
    expect(asked.filter(({ what }) => what.startsWith("read"))).toHaveLength(100);
  });
});
