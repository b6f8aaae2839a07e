import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { createApplication } from "../stack/application.js";
import { eventually } from "../stack/eventually.js";
import { startNode } from "../stack/node.js";
import { VaultApi } from "../stack/vault-api.js";
import { type OwnServer, ownOpenBao, ownVault } from "../stack/server.js";

test.each<[string, OwnServer]>([
  ["Vault", ownVault],
  ["OpenBao", ownOpenBao],
])(
  "a new pod of the same service account starts while %s is sealed, others do not, and it is fresh once that is back",
  async (product, start) => {
    const tornDown = new AbortController();
    onTestFinished(() => tornDown.abort());
    const { signal } = tornDown;
    const { stack, unsealKey, stop } = await start(`offline-${product}`, signal);
    onTestFinished(stop);
    const vault = new VaultApi(stack.vault);
    const app = await createApplication(stack, "offline");
    const other = await createApplication(stack, "offline-other");
    const secret = `${app.namespace}/db`;
    await vault.writeSecret(secret, { password: "hunter2" });

    const directory = await mkdtemp(join(stack.directory, "offline-"));
    await mkdir(join(directory, "state"));
    const file = join(directory, "keymount.yaml");
    const connections = { main: { addresses: [stack.vault.address], offline: { maxAge: "1h" } } };
    await writeFile(file, stringify({ connections, stateDir: join(directory, "state"), stateOnDisk: true }));
    const providers = { vault: { flags: [`--config=${file}`] } };
    const node = await startNode(stack, { driver: "1.6.0", rotationPollInterval: "1s", providers }, signal);
    onTestFinished(node.stop);
    const objects = [{ objectName: "password", secretPath: `secret/data/${secret}`, secretKey: "password" }];
    const parameters = { roleName: app.namespace, objects };
    const className = await app.createClass(parameters);
    const newPod = () => app.podVolume(node, className);
    const seal = () => vault.request("PUT", "sys/seal");
    const unseal = () => vault.request("PUT", "sys/unseal", { key: unsealKey });

    await (await newPod()).publish(signal);
    await seal();
    const fromCopy = await newPod();
    await fromCopy.publish(signal);
    expect(await fromCopy.texts()).toEqual({ password: "hunter2" });
    const stranger = await other.volume(node, parameters);
    await expect(stranger.publish(signal)).rejects.toThrow(/sealed/);
    await node.provider().crash();
    await node.provider().start();
    const afterRestart = await newPod();
    await afterRestart.publish(signal);
    expect(await afterRestart.texts()).toEqual({ password: "hunter2" });

    await unseal();
    await vault.writeSecret(secret, { password: "changed" });
    await eventually(async () => {
      await fromCopy.publish(signal);
      expect(await fromCopy.texts()).toEqual({ password: "changed" });
    }, signal);

    await vault.writePolicy(app.namespace, `path "secret/data/none" { capabilities = ["read"] }`);
    await expect((await newPod()).publish(signal)).rejects.toThrow(/denie/);
    await seal();
    await expect((await newPod()).publish(signal)).rejects.toThrow(/sealed/);
  },
);
