import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { createApplication } from "../stack/application.js";
import { auditedRequests } from "../stack/audit-log.js";
import { createFixture } from "../stack/fixture.js";
import { syncMount } from "../stack/sync-controller.js";

const { stack, node, app: first } = await createFixture("sync-one", { driver: "1.6.0" });
const second = await createApplication(stack, "sync-two");
const pod = { name: "secrets-store-sync-controller-0", uid: randomUUID() };

const mountFor = ({ namespace, serviceAccount }: typeof first, owner = namespace) =>
  syncMount(node.provider().socket, first.kube, {
    pod,
    namespace,
    serviceAccount,
    parameters: {
      roleName: namespace,
      objects: stringify([{ objectName: "password", secretPath: `secret/data/${owner}/db`, secretKey: "password" }]),
    },
  });

test("two namespaces behind the controller's one pod each get their own secret, under their own identity", async () => {
  await first.vault.writeSecret(`${first.namespace}/db`, { password: "first's" });
  await second.vault.writeSecret(`${second.namespace}/db`, { password: "second's" });

  const answers = [await mountFor(first), await mountFor(second), await mountFor(first)];

  const texts = answers.map(({ files }) =>
    files.map(({ path, contents }) => `${path}: ${Buffer.from(contents).toString()}`),
  );
  expect(texts).toEqual([["password: first's"], ["password: second's"], ["password: first's"]]);
  for (const { namespace, serviceAccount } of [first, second]) {
    const asked = await auditedRequests(stack.vault.auditLog, namespace);
    expect(asked.map(({ what }) => what)).toEqual(["login", `read secret/data/${namespace}/db`]);
    expect(new Set(asked.map((request) => request.serviceAccount))).toEqual(
      new Set([`${namespace}/${serviceAccount}`]),
    );
  }
});

test("what one namespace was given is not another's to ask for", async () => {
  await mountFor(first);

  await expect(mountFor(second, first.namespace)).rejects.toThrow(/password/);
});
