import { describe, expect, test } from "vitest";
import { eventually } from "../stack/eventually.js";
import { createFixture } from "../stack/fixture.js";
import { driversAndServers } from "../stack/server.js";

describe.each(driversAndServers)("driver %s, %s", async (driver, _product, start) => {
  const { stack } = await start();
  const { node, app, signal } = await createFixture("recursive", { driver, rotationPollInterval: "1s" }, stack);
  const { namespace, vault } = app;
  const below = { objectName: "app/", secretPath: `secret/data/${namespace}/shop/`, refreshInterval: "1s" };
  const grant = (...more: string[]) =>
    vault.writePolicy(
      namespace,
      [
        `path "secret/metadata/${namespace}/*" { capabilities = ["list"] }`,
        `path "secret/data/${namespace}/*" { capabilities = ["read"] }`,
        `path "kv1/${namespace}/*" { capabilities = ["read", "list"] }`,
        ...more,
      ].join("\n"),
    );

  test("every secret below a path of KV v2 and v1, and the files follow them as they come and go", async () => {
    await grant();
    for (const name of ["db", "old", "gone", "team/a/web"]) {
      await vault.writeSecret(`${namespace}/shop/${name}`, { password: name });
    }
    await vault.request("POST", `kv1/${namespace}/shop/one`, { password: "v1" });
    const v1 = { ...below, objectName: "v1/", secretPath: `kv1/${namespace}/shop/` };
    const volume = await app.volume(node, { objects: [below, v1] });
    await volume.publish(signal);
    expect(await volume.texts()).toEqual({
      "app/db/password": "db",
      "app/old/password": "old",
      "app/gone/password": "gone",
      "app/team/a/web/password": "team/a/web",
      "v1/one/password": "v1",
    });

    await vault.writeSecret(`${namespace}/shop/team/new`, { password: "new" });
    await vault.writeSecret(`${namespace}/shop/db`, { password: "changed" });
    await vault.request("DELETE", `secret/data/${namespace}/shop/old`);
    await vault.request("DELETE", `secret/metadata/${namespace}/shop/gone`);
    await eventually(async () => {
      await volume.publish(signal);
      expect(await volume.texts()).toEqual({
        "app/db/password": "changed",
        "app/team/a/web/password": "team/a/web",
        "app/team/new/password": "new",
        "v1/one/password": "v1",
      });
    }, signal);
  });

  test("one that is denied is an error that names it, and no volume", async () => {
    const path = `secret/data/${namespace}/shop/team/a/web`;
    await vault.writeSecret(`${namespace}/shop/team/a/web`, { password: "x" });
    await grant(`path "${path}" { capabilities = ["deny"] }`);
    const volume = await app.volume(node, { objects: [{ ...below, optional: true }] });
    await expect(volume.publish(signal)).rejects.toThrow(path);
  });
});
