import { randomBytes } from "node:crypto";
import { afterAll, expect, inject, test } from "vitest";
import { createApplication } from "../stack/application.js";
import { KubeApi, type KubeObject } from "../stack/kube-api.js";
import { eventually } from "../stack/eventually.js";
import { createKeymountAccount } from "../stack/keymount-account.js";
import { startNode } from "../stack/node.js";

const stack = inject("stack");
const signal = AbortSignal.timeout(160_000);
const serviceAccount = await createKeymountAccount(new KubeApi(stack.kubernetes), [
  { apiGroups: [""], resources: ["secrets"], verbs: ["get", "create", "watch"] },
]);
const providers = {
  vault: { serviceAccount, flags: [`--vault-addr=${stack.vault.address}`, "--key-secret=keymount-key"] },
};
const startOne = () => startNode(stack, { driver: "1.6.0", providers }, signal);
const app = await createApplication(stack, "key");
await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
const object = { objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" };
const className = await app.createClass({ objects: [object] });
const nodes = await Promise.all([startOne(), startOne()] as const);
afterAll(() => Promise.all(nodes.map((node) => node.stop())));
const secret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "keymount-key", namespace: serviceAccount.namespace },
};

async function versionOn(node: (typeof nodes)[number]) {
  const volume = await app.podVolume(node, className);
  await volume.publishUntilMounted(signal);
  return volume.versions();
}

async function keyBytes(): Promise<number[]> {
  const { data } = await app.kube.get<KubeObject & { data: Record<string, string> }>(secret);
  return Object.values(data).map((value) => Buffer.from(value, "base64").length);
}

test("nodes that start together make one key, and give the same bytes the same version, after a restart too", async () => {
  const [first, second] = [await versionOn(nodes[0]), await versionOn(nodes[1])];
  await nodes[0].provider().stop();
  await nodes[0].provider().start();

  expect(first["password"]).toMatch(/./);
  expect(second).toEqual(first);
  expect(await versionOn(nodes[0])).toEqual(first);
  expect(await keyBytes()).toEqual([32]);
});

// The Go provider's own suite, test 11 (test/bats/provider.bats).
test("a deleted key is made again at the next mount, on which every version changes, to the same on all nodes", async () => {
  const before = await versionOn(nodes[0]);

  await app.kube.delete(secret);
  const after = await versionOn(nodes[0]);

  expect(await keyBytes()).toEqual([32]);
  expect(after).not.toEqual(before);
  await eventually(async () => expect(await versionOn(nodes[1])).toEqual(after), signal);
});

test("an administrator's key is adopted by all nodes, and is that of a node that starts later", async () => {
  const before = await versionOn(nodes[0]);

  await app.kube.change<KubeObject & { data?: object }>(secret, (found) => ({
    ...found,
    data: { key: randomBytes(32).toString("base64") },
  }));

  await eventually(async () => expect(await versionOn(nodes[0])).not.toEqual(before), signal);
  const after = await versionOn(nodes[0]);
  await eventually(async () => expect(await versionOn(nodes[1])).toEqual(after), signal);
  await nodes[1].provider().stop();
  await nodes[1].provider().start();
  expect(await versionOn(nodes[1])).toEqual(after);
});
