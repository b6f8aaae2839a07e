import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { createFixture } from "../stack/fixture.js";
import { driversAndServers } from "../stack/server.js";

/** A server that a pod's author would like to be sent the pod's token. */
const elsewhere = createServer((_request, response) => response.end("{}"));
const visits: string[] = [];
elsewhere.on("connection", () => visits.push("connected"));
await new Promise<void>((listening) => elsewhere.listen(0, "127.0.0.1", listening));
afterAll(() => elsewhere.close());
const foreignAddress = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;

describe.each(driversAndServers)("driver %s, %s", async (driver, product, start) => {
  const { stack } = await start();
  const config = join(stack.directory, `overrides-${driver}-${product}.yaml`);
  await writeFile(
    config,
    stringify({
      connections: {
        main: {
          addresses: [stack.vault.address],
          policy: [
            { namespaces: ["of-another"], roles: ["admin"] },
            { audiences: [], roles: ["{{namespace}}"], paths: ["secret/data/{{namespace}}/*"] },
          ],
        },
      },
    }),
  );
  const { node, app, signal } = await createFixture(
    "overrides",
    {
      driver,
      providers: { vault: { flags: [`--config=${config}`] } },
    },
    stack,
  );
  await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
  const object = (secretPath: string) => ({ objectName: "password", secretPath, secretKey: "password" });
  const className = await app.createClass({ objects: [object(`secret/data/${app.namespace}/db`)] });

  test.each([
    ["another Vault's address", { vaultAddress: foreignAddress }, /vaultAddress.*addresses|aliases/s],
    ["a role that is not the namespace's", { roleName: "admin" }, /role "admin".*policy\.1\.roles/s],
    [
      "a path outside the namespace's",
      { objects: JSON.stringify([object("secret/data/other/db")]) },
      /secret\/data\/other\/db/,
    ],
    ["a path of Vault's own", { objects: JSON.stringify([object("sys/auth")]) }, /sys\/auth/],
    ["an auth mount of another kind", { vaultAuthMountPath: "userpass" }, /userpass/],
    ["an audience of another connection", { audience: "shop" }, /audience "shop".*policy\.1\.audiences/s],
  ])("a pod author's volumeAttributes cannot reach %s", async (_what, attributes, message) => {
    const volume = await app.podVolume(node, className, attributes);

    await expect(volume.publish(signal)).rejects.toThrow(message);
    expect(await volume.texts()).toEqual({});
    expect(visits).toEqual([]);
  });

  test("a pod author's TLS settings are ignored for the operator's", async () => {
    const volume = await app.podVolume(node, className, {
      vaultSkipTLSVerify: "true",
      vaultCACertPath: "/etc/shadow",
      vaultTLSClientKeyPath: "/etc/shadow",
    });

    await volume.publish(signal);

    expect(await volume.texts()).toEqual({ password: "hunter2" });
  });

  test("a pod author may choose among what the policy allows", async () => {
    await app.vault.writeSecret(`${app.namespace}/cache`, { password: "swordfish" });
    const objects = JSON.stringify([object(`secret/data/${app.namespace}/cache`)]);
    const volume = await app.podVolume(node, className, { objects });

    await volume.publish(signal);

    expect(await volume.texts()).toEqual({ password: "swordfish" });
  });
});
