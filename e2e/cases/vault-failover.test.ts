import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { createApplication } from "../stack/application.js";
import { eventually } from "../stack/eventually.js";
import { startNode } from "../stack/node.js";
import { startVaultRaft } from "../stack/vault-raft.js";
import { enableKubernetesAuth } from "../stack/vault-kubernetes-auth.js";

test("when Vault's leader dies, pods keep their files, and a new pod gets its own from the next leader", async ({
  signal,
}) => {
  const shared = inject("stack");
  const directory = await mkdtemp(join(shared.directory, "raft-"));
  const raft = await startVaultRaft({ binary: shared.binaries.vault, directory, logs: shared.logs, size: 3 }, signal);
  onTestFinished(raft.stop);
  const leader = await raft.leader();
  const stack = { ...shared, vault: { ...shared.vault, ...leader.api.access } };
  await leader.api.request("POST", "sys/mounts/secret", { type: "kv", options: { version: "2" } });
  await enableKubernetesAuth(leader.api.access, shared.kubernetes);
  const app = await createApplication(stack, "failover");
  await eventually(() => app.vault.writeSecret(`${app.namespace}/db`, { password: "1" }), signal);

  const config = join(directory, "keymount.yaml");
  const addresses = [leader, ...raft.nodes.filter((node) => node !== leader)].map(({ address }) => address);
  await writeFile(config, stringify({ connections: { main: { addresses } } }));
  const providers = { vault: { flags: [`--config=${config}`] } };
  const node = await startNode(stack, { driver: "1.6.0", rotationPollInterval: "1s", providers }, signal);
  onTestFinished(node.stop);
  const object = {
    objectName: "password",
    secretPath: `secret/data/${app.namespace}/db`,
    secretKey: "password",
    refreshInterval: "1s",
  };
  const className = await app.createClass({ objects: [object] });
  const old = await app.podVolume(node, className);
  await old.publish(signal);

  await leader.end("SIGKILL");
  const fresh = await app.podVolume(node, className);
  await eventually(async () => {
    await old.publish(signal);
    expect(await old.texts()).toEqual({ password: "1" });
    await fresh.publish(signal);
  }, signal);
  expect(await fresh.texts()).toEqual({ password: "1" });

  const next = await raft.leader();
  await next.api.request("POST", `secret/data/${app.namespace}/db`, { data: { password: "2" } });
  await eventually(async () => {
    await old.publish(signal);
    expect(await old.texts()).toEqual({ password: "2" });
  }, signal);
});
