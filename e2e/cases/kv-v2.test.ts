import { describe, expect, test } from "vitest";
import { driverVersions } from "../stack/csi-driver.js";
import { createFixture } from "../stack/fixture.js";

describe.each(driverVersions)("driver %s", async (driver) => {
  const { node, app, signal } = await createFixture("kv2", { driver });
  const path = (secret: string) => `secret/data/${app.namespace}/${secret}`;

  test("a key of a KV v2 secret becomes a file, whatever its type", async () => {
    const written = { password: "hunter2", port: 5432, ratio: 0.1, hosts: ["a", "b"], tls: true };
    await app.vault.writeSecret(`${app.namespace}/types`, written);
    const volume = await app.volume(node, {
      objects: Object.keys(written).map((key) => ({ objectName: key, secretPath: path("types"), secretKey: key })),
    });

    await volume.publish(signal);

    expect(await volume.texts()).toEqual({
      password: "hunter2",
      port: "5432",
      ratio: "0.1",
      hosts: '["a","b"]',
      tls: "true",
    });
  });

  test("an older version is served when the class asks for it", async () => {
    await app.vault.writeSecret(`${app.namespace}/versions`, { password: "old" });
    await app.vault.writeSecret(`${app.namespace}/versions`, { password: "new" });
    const volume = await app.volume(node, {
      objects: [
        { objectName: "now", secretPath: path("versions"), secretKey: "password" },
        { objectName: "by-query", secretPath: `${path("versions")}?version=1`, secretKey: "password" },
        { objectName: "by-field", secretPath: path("versions"), secretKey: "password", version: 1 },
      ],
    });

    await volume.publish(signal);

    expect(await volume.texts()).toEqual({ now: "new", "by-query": "old", "by-field": "old" });
  });

  test("a pointer reaches into nested data", async () => {
    await app.vault.writeSecret(`${app.namespace}/nested`, { db: { users: [{ name: "root" }, { name: "app" }] } });
    const volume = await app.volume(node, {
      objects: [{ objectName: "user", secretPath: path("nested"), secretKey: "/db/users/1/name" }],
    });

    await volume.publish(signal);

    expect(await volume.texts()).toEqual({ user: "app" });
  });

  test("a deleted and a destroyed version are told apart, and no file appears", async () => {
    for (const end of ["deleted", "destroyed"]) {
      const secret = `${app.namespace}/${end}`;
      await app.vault.writeSecret(secret, { password: "x" });
      await (end === "deleted"
        ? app.vault.request("DELETE", `secret/data/${secret}`)
        : app.vault.request("PUT", `secret/destroy/${secret}`, { versions: [1] }));
      const objects = [{ objectName: "password", secretPath: path(end), secretKey: "password" }];
      const volume = await app.volume(node, { objects });

      await expect(volume.publish(signal)).rejects.toThrow(new RegExp(`password.*${end}`, "s"));
      expect(await volume.texts()).toEqual({});
    }
  });
});
