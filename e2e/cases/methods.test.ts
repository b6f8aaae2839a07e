import { describe, expect, test } from "vitest";
import { driverVersions } from "../stack/csi-driver.js";
import { createFixture } from "../stack/fixture.js";

describe.each(driverVersions)("driver %s", async (driver) => {
  const { node, app, signal } = await createFixture("methods", { driver });
  const transit = `transit-${app.namespace}`;
  const role = `${app.namespace}-methods`;
  await app.vault.request("POST", `sys/mounts/${transit}`, { type: "transit" });
  await app.vault.request("POST", `${transit}/keys/app`);
  await app.vault.writePolicy(
    role,
    [`${transit}/decrypt/app`, `kv1/${app.namespace}/*`, `secret/metadata/${app.namespace}/*`]
      .map((path) => `path "${path}" { capabilities = ["create", "update", "list"] }`)
      .join("\n"),
  );
  await app.vault.writeRole(role, {
    namespaces: [app.namespace],
    serviceAccounts: [app.serviceAccount],
    policies: [role],
    audience: "vault",
  });

  async function encrypted(plaintext: string): Promise<unknown> {
    const body = { plaintext: Buffer.from(plaintext).toString("base64") };
    return (await app.vault.request("POST", `${transit}/encrypt/app`, body)).data["ciphertext"];
  }

  test("two objects of one path with different arguments get an answer each", async () => {
    const object = async (objectName: string) => ({
      objectName,
      secretPath: `${transit}/decrypt/app`,
      method: "PUT",
      secretArgs: { ciphertext: await encrypted(`the ${objectName}`) },
      secretKey: "plaintext",
      encoding: "base64",
    });
    const volume = await app.volume(node, { roleName: role, objects: [await object("first"), await object("second")] });

    await volume.publish(signal);

    expect(await volume.texts()).toEqual({ first: "the first", second: "the second" });
  });

  test("a LIST names the secrets of a folder", async () => {
    for (const name of ["a", "b"]) await app.vault.writeSecret(`${app.namespace}/folder/${name}`, { x: "1" });
    const secretPath = `secret/metadata/${app.namespace}/folder`;
    const object = { objectName: "names", secretPath, method: "LIST", secretKey: "keys" };
    const volume = await app.volume(node, { roleName: role, objects: [object] });

    await volume.publish(signal);

    expect(await volume.texts()).toEqual({ names: '["a","b"]' });
  });

  test("an answer without a body is refused by name, and the next pod is served", async () => {
    const write = {
      objectName: "nothing",
      secretPath: `kv1/${app.namespace}/x`,
      method: "POST",
      secretArgs: { a: "1" },
    };
    const volume = await app.volume(node, { roleName: role, objects: [write] });
    await expect(volume.publish(signal)).rejects.toThrow(/nothing/);

    await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
    const read = { objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" };
    const next = await app.volume(node, { objects: [read] });
    await next.publish(signal);
    expect(await next.texts()).toEqual({ password: "hunter2" });
  });
});
