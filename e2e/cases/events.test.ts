import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { eventually } from "../stack/eventually.js";
import { createKeymountAccount } from "../stack/keymount-account.js";
import { KubeApi, type KubeObject } from "../stack/kube-api.js";
import { createFixture } from "../stack/fixture.js";
import { startEmbeddedOpenBao, vaultOfTheRun } from "../stack/server.js";

const key = { apiGroups: [""], resources: ["secrets"], verbs: ["get", "create"] };
const events = { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] };

describe.each([
  ["with the rights that the chart gives", "Vault", [key, events], vaultOfTheRun],
  ["without the right to write events", "Vault", [key], vaultOfTheRun],
  ["with the rights that the chart gives", "OpenBao", [key, events], startEmbeddedOpenBao],
] as const)("%s, %s", async (_, product, rules, start) => {
  const { stack } = await start();
  const allowed = rules.length > 1;
  const config = join(stack.directory, `events-${product}-${allowed}.yaml`);
  const connections = { main: { addresses: [stack.vault.address] } };
  await writeFile(config, stringify({ connections, events: true, keySecret: "keymount-key" }));
  const serviceAccount = await createKeymountAccount(new KubeApi(stack.kubernetes), rules);
  const providers = { vault: { serviceAccount, flags: [`--config=${config}`] } };
  const { node, app, signal } = await createFixture(
    "events",
    {
      driver: "1.6.0",
      rotationPollInterval: "1s",
      providers,
    },
    stack,
  );
  const eventsOf = async (uid: string) =>
    (await app.kube.list<KubeEvent>({ apiVersion: "v1", kind: "Event" }, app.namespace)).filter(
      ({ involvedObject }) => involvedObject.uid === uid,
    );
  const object = { objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" };

  test(`a republish that the driver hides ${allowed ? "is in the pod's events, counted" : "costs one line in the log, and nothing else"}`, async () => {
    await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
    const className = await app.createClass({ objects: [object] });
    const volume = await app.podVolume(node, className);
    await volume.publish(signal);
    await app.replaceObjects(className, [{ ...object, secretPath: "sys/auth" }]);
    const told = () => eventsOf(volume.pod.uid);
    const republishes = async () => {
      await volume.publish(signal);
      const [event] = await told();
      const log = await readFile(node.provider().log, "utf8");
      if (allowed) expect(event?.count).toBeGreaterThanOrEqual(2);
      else expect(log).toContain("an event could not be written");
    };

    await eventually(republishes, signal);

    expect(await volume.texts()).toEqual({ password: "hunter2" });
    if (!allowed) return expect(await told()).toEqual([]);
    expect(await told()).toMatchObject([
      {
        type: "Warning",
        reason: "SecretsNotRefreshed",
        message: expect.stringMatching(/keeps its files: .*policy does not allow this pod.*sys\/auth/) as string,
        source: { component: "keymount" },
      },
    ]);
  });
  if (!allowed) return;
  test("a changed secret is in the pod's events by its object's name; the first mount is not", async () => {
    const names = ["password", "constant"];
    const write = (name: string, value: string) =>
      app.vault.writeSecret(`${app.namespace}/changes/${name}`, { password: value });
    for (const name of names) await write(name, "hunter2");
    const objects = names.map((objectName) => ({
      ...object,
      objectName,
      secretPath: `secret/data/${app.namespace}/changes/${objectName}`,
      refreshInterval: "1s",
    }));
    const className = await app.createClass({ objects });
    const volume = await app.podVolume(node, className);
    await volume.publish(signal);

    await write("password", "hunter3");
    await eventually(async () => {
      await volume.publish(signal);
      expect(await eventsOf(volume.pod.uid)).toHaveLength(1);
    }, signal);

    expect(await eventsOf(volume.pod.uid)).toMatchObject([
      {
        type: "Normal",
        reason: "SecretsChanged",
        message: `the volume of class ${className} has new content: password`,
        count: 1,
      },
    ]);
    expect(await volume.texts()).toEqual({ password: "hunter3", constant: "hunter2" });
  });
});

interface KubeEvent extends KubeObject {
  involvedObject: { uid: string };
  count: number;
}
