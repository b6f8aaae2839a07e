import { randomBytes } from "node:crypto";
import { access, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../stack/eventually.js";
import { DaemonSet } from "../stack/daemon-set.js";
import { leaveDeadSocket } from "../stack/dead-socket.js";
import { installGoProvidersChart } from "../stack/go-provider.js";
import { installInstance, keymountNamespace, sharedConnection, sharedInstance } from "../stack/keymount.js";
import { socketFolders } from "../stack/node.js";
import { createFixture } from "../stack/fixture.js";

const { cluster, app, workloads, signal, atTheEnd } = await createFixture("migration", "alone");
await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
const objects = [{ objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" }];

async function podGetsItsFile(provider: string): Promise<void> {
  const secretProviderClass = await app.createClass({ objects }, { provider });
  const pod = await workloads.runPod({ volumes: { secrets: { secretProviderClass } } }, signal);
  expect(await pod.texts("secrets")).toEqual({ password: "hunter2" });
  await workloads.removePod(pod.name, signal);
}

describe("the Go provider's chart, with only the image changed", () => {
  const shared = new DaemonSet(app.kube, keymountNamespace, sharedInstance);
  afterAll(() => shared.resume(signal));
  beforeAll(() => shared.pause(signal));

  test.each([
    [
      "Vault's own address",
      { vaultAddress: cluster.vault.address, extraArgs: ["--vault-tls-ca-cert=/vault/tls/ca.crt"] },
    ],
    ["the agent's socket", { vaultAddress: "unix:///var/run/vault/agent.sock" }],
  ])("serves pods, told %s", async (_, options) => {
    const namespace = `old-${randomBytes(3).toString("hex")}`;
    await app.kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    const uninstall = await installGoProvidersChart(cluster, { namespace, ...options }, signal);
    try {
      await podGetsItsFile("vault");
    } finally {
      await uninstall();
    }
  });
});

test("another provider of our name that removes our socket when it stops takes nothing from new pods", async () => {
  await podGetsItsFile("vault");
  const socket = join(socketFolders.usual, "vault.sock");
  await rm(socket);
  await eventually(() => access(socket), signal, 10_000);
  await podGetsItsFile("vault");
});

test("a dead socket where the driver looks first is replaced", async () => {
  const socket = join(socketFolders.old, "elder.sock");
  await leaveDeadSocket(socket);
  const connections = { vault: { ...sharedConnection(cluster), audiences: ["vault"] } };
  const values = { sockets: { additionalDirectory: socketFolders.old } };
  atTheEnd(await installInstance(cluster, { name: "elder", config: { connections }, values }, signal));
  await podGetsItsFile("elder");
});
