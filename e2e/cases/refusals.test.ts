import { describe, expect, test } from "vitest";
import { MountFailed } from "../stack/csi-client.js";
import { createFixture } from "../stack/fixture.js";
import { driversAndServers } from "../stack/server.js";
import type { Volume } from "../stack/volume.js";

describe.each(driversAndServers)("driver %s, %s", async (driver, _product, start) => {
  const { stack } = await start();
  const { node, app, signal } = await createFixture("refusals", { driver, rotationPollInterval: "30s" }, stack);
  const password = { objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" };
  await app.vault.writeSecret(`${app.namespace}/db`, { password: "canary-hunter2", username: "app" });

  /** What the pod's event says. A refusal that were not final would leave an empty volume behind. */
  async function refusal(volume: Volume): Promise<string> {
    const error = await volume.publish(signal).then(
      () => expect.fail("the mount succeeded"),
      (reason: unknown) => reason as MountFailed,
    );
    expect(error).toBeInstanceOf(MountFailed);
    expect(error.final).toBe(true);
    expect(await volume.texts()).toEqual({});
    expect(error.message).not.toContain("canary");
    return error.message;
  }

  test("a role that Vault does not know is named", async () => {
    const message = await refusal(await app.volume(node, { roleName: "no-such-role", objects: [password] }));

    expect(message).toMatch(/no-such-role/);
  });

  test("a role for another namespace's pods is named, with the setting in Vault that leaves this one out", async () => {
    const role = `${app.namespace}-others`;
    const others = { namespaces: ["another"], serviceAccounts: ["*"], policies: ["default"], audience: "vault" };
    await app.vault.writeRole(role, others);

    const message = await refusal(await app.volume(node, { roleName: role, objects: [password] }));

    expect(message).toMatch(new RegExp(`${role}.*bound_service_account_namespaces.*namespace not authorized`));
  });

  // Vault answers this one with a bare 403, which could be several things.
  test("an audience that Vault's role does not accept is named, with the service account", async () => {
    const message = await refusal(await app.volume(node, { audience: "shop", objects: [password] }));

    expect(message).toMatch(/audience "?shop\b/);
    expect(message).toContain(`${app.namespace}/${app.serviceAccount}`);
  });

  test("an audience that the driver sends no token for is named, with what to put into the CSIDriver object", async () => {
    const message = await refusal(await app.volume(node, { audience: "nowhere", objects: [password] }));

    expect(message).toMatch(/nowhere/);
    expect(message).toMatch(/CSIDriver.*tokenRequests|tokenRequests.*CSIDriver/s);
  });

  test("a missing key is named beside the keys there are, and no value is shown", async () => {
    const message = await refusal(await app.volume(node, { objects: [{ ...password, secretKey: "pasword" }] }));

    expect(message).toMatch(/password.*pasword.*username/s);
  });

  test("a missing path is named", async () => {
    const secretPath = `secret/data/${app.namespace}/nowhere`;

    const message = await refusal(await app.volume(node, { objects: [{ ...password, secretPath }] }));

    expect(message).toContain(secretPath);
    expect(message).toMatch(/password/);
  });

  test("a denied path is named with the role that may not read it", async () => {
    const secretPath = "secret/data/somebody-else/db";

    const message = await refusal(await app.volume(node, { objects: [{ ...password, secretPath }] }));

    expect(message).toContain(secretPath);
    expect(message).toContain(app.namespace);
  });

  test("a KV v2 path without data/ is explained", async () => {
    const message = await refusal(
      await app.volume(node, { objects: [{ ...password, secretPath: `secret/${app.namespace}/db` }] }),
    );

    expect(message).toContain(`secret/data/${app.namespace}/db`);
  });

  // The application's own namespace, as a mount's name of two steps, and as a step of its paths.
  const own = app.namespace;
  await app.vault.request("POST", `sys/mounts/${own}/kv`, { type: "kv", options: { version: "2" } });
  const readable = [`${own}/kv/*`, `secret/data/${own}/*`, `kv1/${own}/*`];
  const rules = readable.map((path) => `path "${path}" { capabilities = ["read", "list"] }`).join("\n");
  await app.vault.writePolicy(`${own}-kv`, rules);
  await app.vault.writeRole(`${own}-kv`, {
    namespaces: [own],
    serviceAccounts: ["*"],
    policies: [`${own}-kv`],
    audience: "vault",
  });

  test.each<[string, string, string]>([
    ["GET", `${own}/kv/db`, `where data/ stands after the mount's name: ${own}/kv/data/db`],
    ["GET", `${own}/kv/a%3Fb`, `where data/ stands after the mount's name: ${own}/kv/data/a%3Fb`],
    ["LIST", `${own}/kv/db`, `where LIST wants metadata/ after the mount's name: ${own}/kv/metadata/db`],
    ["LIST", `${own}/kv/data/db`, `where LIST wants metadata/ after the mount's name: ${own}/kv/metadata/db`],
    ["GET", `secret/${own}/keys`, `where data/ stands after the mount's name: secret/data/${own}/keys`],
    ["GET", `kv1/data/${own}/db`, `(kv1 is a KV version 1 engine, whose paths have no data/: kv1/${own}/db)`],
    ["GET", `other/data/secret/${own}/db`, "a Vault namespace at its beginning belongs in vaultNamespace"],
    ["GET", `other/secret/data/${own}/db`, "a Vault namespace at its beginning belongs in vaultNamespace"],
  ])("%s %s is explained by the mount that Vault names", async (method, secretPath, hint) => {
    const objects = [{ objectName: "file", secretPath, method }];
    const message = await refusal(await app.volume(node, { roleName: `${own}-kv`, objects }));

    expect(message).toContain(hint);
  });

  test("every mistake of a mount is named, not the first", async () => {
    const message = await refusal(
      await app.volume(node, {
        objects: [
          { ...password, objectName: "good" },
          { ...password, objectName: "misspelt", secretKey: "pasword" },
          { ...password, objectName: "absent", secretPath: `secret/data/${app.namespace}/nowhere` },
          { ...password, objectName: "denied", secretPath: "secret/data/somebody-else/db" },
        ],
      }),
    );

    expect(message).toMatch(/misspelt/);
    expect(message).toMatch(/absent/);
    expect(message).toMatch(/denied/);
    expect(message).not.toMatch(/good/);
  });

  test("a corrected class mounts at the kubelet's next try", async () => {
    const className = await app.createClass({ objects: [{ ...password, secretKey: "pasword" }] });
    const volume = await app.podVolume(node, className);
    await refusal(volume);

    await app.replaceObjects(className, [password]);
    await volume.publishUntilMounted(signal);

    expect(await volume.texts()).toEqual({ password: "canary-hunter2" });
  });
});
