import { describe, expect, test } from "vitest";
import { driverVersions } from "../stack/csi-driver.js";
import { createFixture } from "../stack/fixture.js";

describe.each(driverVersions)("driver %s", async (driver) => {
  const { node, app, signal } = await createFixture("kv1", { driver });

  test("a key of a KV v1 secret becomes a file", async () => {
    await app.vault.request("POST", `kv1/${app.namespace}/db`, { username: "app", password: "hunter2 ü" });
    const volume = await app.volume(node, {
      objects: [
        { objectName: "user", secretPath: `kv1/${app.namespace}/db`, secretKey: "username" },
        { objectName: "password", secretPath: `/v1/kv1/${app.namespace}/db`, secretKey: "password" },
      ],
    });

    await volume.publish(signal);

    expect(await volume.texts()).toEqual({ user: "app", password: "hunter2 ü" });
  });

  test("a whole KV v1 secret becomes JSON that stays the same from read to read", async () => {
    await app.vault.request("POST", `kv1/${app.namespace}/whole`, { pin: 1234567890123456, nested: { on: true } });
    const objects = [{ objectName: "secret.json", secretPath: `kv1/${app.namespace}/whole` }];
    const volumes = [await app.volume(node, { objects }), await app.volume(node, { objects })];

    for (const volume of volumes) await volume.publish(signal);

    const [first, second] = await Promise.all(volumes.map((volume) => volume.texts()));
    expect(JSON.parse(first?.["secret.json"] ?? "")).toMatchObject({
      data: { pin: 1234567890123456, nested: { on: true } },
    });
    expect(second).toEqual(first);
  });
});
