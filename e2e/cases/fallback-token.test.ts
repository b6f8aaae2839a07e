import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { createKeymountAccount } from "../stack/keymount-account.js";
import { KubeApi } from "../stack/kube-api.js";
import { createFixture } from "../stack/fixture.js";
import { servers } from "../stack/server.js";

describe.each(servers)("%s", async (product, start) => {
  const { stack } = await start();
  const config = join(stack.directory, `fallback-${product}.yaml`);
  await writeFile(
    config,
    stringify({
      connections: { main: { addresses: [stack.vault.address] } },
      tokenRequest: { fallback: true, audiences: ["minted"] },
      keySecret: "keymount-key",
    }),
  );
  const serviceAccount = await createKeymountAccount(new KubeApi(stack.kubernetes), [
    { apiGroups: [""], resources: ["secrets"], verbs: ["get", "create"] },
    { apiGroups: [""], resources: ["serviceaccounts/token"], verbs: ["create"] },
  ]);
  const providers = { vault: { serviceAccount, flags: [`--config=${config}`] } };
  const { node, app, signal } = await createFixture("fallback", { driver: "1.6.0", providers }, stack);
  const object = { objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" };
  await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
  await app.vault.writeRole(app.namespace, {
    namespaces: [app.namespace],
    serviceAccounts: [app.serviceAccount],
    policies: [app.namespace],
    audience: "minted",
  });

  test("where the driver sends no token, one is made for the pod, when the operator wants that", async () => {
    const volume = await app.volume(node, { audience: "minted", objects: [object] });

    await volume.publish(signal);

    expect(await volume.texts()).toEqual({ password: "hunter2" });
  });

  test("no token is made for an audience that the operator does not list", async () => {
    const volume = await app.volume(node, { audience: "elsewhere", objects: [object] });

    await expect(volume.publish(signal)).rejects.toThrow(/elsewhere/);
    expect(await volume.texts()).toEqual({});
  });
});
