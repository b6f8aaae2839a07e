import { afterAll, expect, inject, test } from "vitest";
import { createApplication } from "../stack/application.js";
import { KubeApi, type KubeObject } from "../stack/kube-api.js";
import { createKeymountAccount } from "../stack/keymount-account.js";
import { startNode } from "../stack/node.js";

const stack = inject("stack");
const signal = AbortSignal.timeout(80_000);
const serviceAccount = await createKeymountAccount(new KubeApi(stack.kubernetes), [
  { apiGroups: [""], resources: ["secrets"], verbs: ["get", "create"] },
]);
const providers = {
  vault: { serviceAccount, flags: [`--vault-addr=${stack.vault.address}`, "--key-secret=keymount-key"] },
};
const startOne = () => startNode(stack, { driver: "1.6.0", providers }, signal);
const app = await createApplication(stack, "key");
await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
const object = { objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" };
const className = await app.createClass({ objects: [object] });

test("nodes that start together make one key, and give the same bytes the same version, after a restart too", async () => {
  const nodes = await Promise.all([startOne(), startOne()]);
  afterAll(() => Promise.all(nodes.map((node) => node.stop())));
  const versionOn = async (node: (typeof nodes)[number]) => {
    const volume = await app.podVolume(node, className);
    await volume.publishUntilMounted(signal);
    return volume.versions();
  };

  const [first, second] = [await versionOn(nodes[0]), await versionOn(nodes[1])];
  await nodes[0].provider().stop();
  await nodes[0].provider().start();

  expect(first["password"]).toMatch(/./);
  expect(second).toEqual(first);
  expect(await versionOn(nodes[0])).toEqual(first);
  const { data } = await app.kube.get<KubeObject & { data: Record<string, string> }>({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "keymount-key", namespace: serviceAccount.namespace },
  });
  expect(Object.values(data).map((value) => Buffer.from(value, "base64").length)).toEqual([32]);
});
