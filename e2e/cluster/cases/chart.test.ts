import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { installInstance, sharedConnection } from "../stack/keymount.js";
import { socketFolders } from "../stack/node.js";
import { providerContainer } from "../stack/provider-container.js";
import { createFixture } from "../stack/fixture.js";

const { cluster, app, workloads, signal, atTheEnd } = await createFixture("chart");
await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
const objects = [{ objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" }];

/** What the kernel says of the process of an instance. */
async function process(release?: string) {
  const { pid } = await providerContainer(cluster, app.kube, release);
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const field = (name: string) => new RegExp(`^${name}:\\s+(.+)$`, "m").exec(status)?.[1];
  const mounts = await readFile(`/proc/${pid}/mountinfo`, "utf8");
  return {
    user: field("Uid")?.split("\t")[0],
    capabilities: field("CapEff"),
    noNewPrivileges: field("NoNewPrivs"),
    seccomp: field("Seccomp"),
    coreDumps: /^Max core file size +(\S+)/m.exec(await readFile(`/proc/${pid}/limits`, "utf8"))?.[1],
    root: / \/ \/ (r[ow])/.exec(mounts)?.[1],
  };
}

const hardened = {
  capabilities: "0000000000000000",
  noNewPrivileges: "1",
  // Filtered.
  seccomp: "2",
  // Bytes: what the kernel neither writes to a file nor pipes to a program.
  coreDumps: "1",
  root: "ro",
};

test("keymount runs without a capability, with a read-only root, filtered, and is never dumped", async () => {
  expect(await process()).toEqual({ ...hardened, user: "0" });
});

test("as another user it serves pods too, from a directory that stays root's, with what it kept as root", async () => {
  const connections = { vault: { ...sharedConnection(cluster), audiences: ["vault"] } };
  const instance = { name: "nobody", config: { connections } };
  atTheEnd(await installInstance(cluster, instance, signal));
  const secretProviderClass = await app.createClass({ objects }, { provider: "nobody" });
  const volumes = { secrets: { secretProviderClass } };
  await workloads.runPod({ volumes }, signal);
  const keptAsRoot = await records("nobody");
  expect(keptAsRoot).toEqual([expect.stringMatching(/^0 /)]);

  await installInstance(cluster, { ...instance, values: { nonRoot: { enabled: true } } }, signal);

  expect(await records("nobody")).toEqual(keptAsRoot.map((record) => record.replace(/^0 /, "65532 ")));
  const pod = await workloads.runPod({ volumes }, signal);
  expect(await pod.texts("secrets")).toEqual({ password: "hunter2" });
  expect(await process("keymount-nobody")).toEqual({ ...hardened, user: "65532" });
  const { uid, gid, mode } = await stat(socketFolders.usual);
  expect({ uid, gid, mode: (mode & 0o777).toString(8) }).toEqual({ uid: 0, gid: 65532, mode: "775" });
});

/** Owner and name of each record that an instance keeps of what it holds. */
async function records(provider: string): Promise<string[]> {
  const { pid } = await providerContainer(cluster, app.kube, `keymount-${provider}`);
  const folder = `/proc/${pid}/root/run/keymount/${provider}/records`;
  const names = await readdir(folder);
  return Promise.all(names.map(async (name) => `${(await stat(join(folder, name))).uid} ${name}`));
}

test("where the driver sends no token of the audience, keymount makes one, if the operator wants that", async () => {
  await app.vault.writeRole(`${app.namespace}-minted`, {
    namespaces: [app.namespace],
    serviceAccounts: [app.serviceAccount],
    policies: [app.namespace],
    audience: "minted",
  });
  const values = { tokenRequest: { fallback: true, audiences: ["minted"] } };
  const connections = { vault: { ...sharedConnection(cluster), audiences: ["minted"] } };
  const instance = { name: "minting", config: { connections }, values };
  atTheEnd(await installInstance(cluster, instance, signal));
  const parameters = { roleName: `${app.namespace}-minted`, objects };
  const secretProviderClass = await app.createClass(parameters, { provider: "minting" });
  const volumes = { secrets: { secretProviderClass } };

  const pod = await workloads.runPod({ volumes }, signal);
  expect(await pod.texts("secrets")).toEqual({ password: "hunter2" });

  // An upgrade replaces keymount's pod, and takes nothing from those that run.
  await installInstance(cluster, { ...instance, values: { ...values, logLevel: "info" } }, signal);
  expect(await pod.texts("secrets")).toEqual({ password: "hunter2" });
  const next = await workloads.runPod({ volumes }, signal);
  expect(await next.texts("secrets")).toEqual({ password: "hunter2" });
});
