import { afterAll, expect, inject, test } from "vitest";
import { startPrefixProxy } from "../../dev/testing/prefix-proxy.js";
import { createFixture } from "../stack/fixture.js";

const proxy = await startPrefixProxy(inject("stack").vault.address, "/eu/vault");
afterAll(() => proxy.close());
const flags = [`--vault-addr=${proxy.origin}/eu/vault`];
const { node, app, signal } = await createFixture("prefix", { driver: "1.6.0", providers: { vault: { flags } } });

test("Vault behind a proxy's path is asked below that path only, and a class refers to it by the whole address", async () => {
  await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
  const object = { objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" };
  const volume = await app.volume(node, { vaultAddress: `${proxy.origin}/eu/vault/`, objects: [object] });
  await volume.publish(signal);
  expect(await volume.texts()).toEqual({ password: "hunter2" });

  const other = await app.volume(node, { vaultAddress: `${proxy.origin}/us/vault`, objects: [object] });
  await expect(other.publish(signal)).rejects.toThrow(/no connection lists vaultAddress/);
  expect(proxy.strays).toEqual([]);
});
