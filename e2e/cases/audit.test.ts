import { expect, test } from "vitest";
import { auditedRequests } from "../stack/audit-log.js";
import { createFixture } from "../stack/fixture.js";

const { stack, node, app, signal } = await createFixture("audit", {
  driver: "1.6.0",
  // A token that lies around where the provider runs. The Go providers would read with it, for every pod.
  providers: { vault: { env: { VAULT_TOKEN: "stray-token" } } },
});

test("Vault's audit log names the service account and the pod of every request", async () => {
  await app.vault.writeSecret(`${app.namespace}/a`, { key: "1" });
  await app.vault.writeSecret(`${app.namespace}/b`, { key: "2" });
  const object = (name: string) => ({
    objectName: name,
    secretPath: `secret/data/${app.namespace}/${name}`,
    secretKey: "key",
  });
  const volume = await app.volume(node, { objects: [object("a"), object("b")] });

  await volume.publish(signal);

  const asked = await auditedRequests(stack.vault.auditLog, app.namespace);
  expect(asked.map(({ what }) => what).sort()).toEqual([
    "login",
    `read secret/data/${app.namespace}/a`,
    `read secret/data/${app.namespace}/b`,
  ]);
  for (const { serviceAccount, pod } of asked) {
    expect(serviceAccount).toBe(`${app.namespace}/${app.serviceAccount}`);
    expect(pod).toBe(`${app.namespace}/${volume.pod.name}/${volume.pod.uid}`);
  }
});
