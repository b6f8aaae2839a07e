import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { delayed } from "../../dev/vault/faults.js";
import { podVolumePath } from "../driver/mount-request.js";
import { startReadyVault } from "../../dev/testing/ready-vault.js";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { filesIn, startProvider } from "../../dev/testing/start-provider.js";
import { withDatabase } from "../../dev/testing/with-database.js";

const objects = [
  "- {objectName: user, secretPath: database/creds/app, secretKey: username}",
  "- {objectName: password, secretPath: database/creds/app, secretKey: password}",
  "- {objectName: app, secretPath: kv/data/app, secretKey: password}",
].join("\n");
const targetPath = podVolumePath("uid-1", "secrets");

/** A Vault with a database, and providers that come one after another with one state directory. */
async function node() {
  const vault = await startReadyVault();
  onTestFinished(() => vault.stop());
  await withDatabase(vault);
  const state = join(await temporaryDirectory(), "state");
  const key = join(await temporaryDirectory(), "key");
  const start = () =>
    startProvider({
      vault,
      file: `stateDir: ${state}\nstateOnDisk: true\nkeyFile: ${key}\nconnections: {main: {addresses: ["${vault.address}"]}}`,
      argv: [],
    });
  /** Logins and reads, in the order in which Vault was asked. */
  const asked = () =>
    vault.vault.log.all
      .filter(({ path }) => /login$|^database|^kv/.test(path))
      .map(({ method, path }) => `${method} ${path}`);
  return { vault, start, asked, state };
}

test("after a restart a volume is served as before: no login, no database user, not even a question", async () => {
  const { vault, start, asked } = await node();
  const before = await start();
  const first = filesIn(await before.mount({ objects }, { targetPath }));
  expect(first).toMatchObject({ user: expect.any(String) as string, app: "hunter2" });
  await before.stop();
  vault.vault.log.clear();
  const after = await start();
  expect(filesIn(await after.mount({ objects }, { targetPath }))).toEqual(first);
  expect(asked()).toEqual([]);
  expect(vault.vault.live).toEqual({ tokens: 1, leases: 1, users: 1 });
});

test("and with Vault away", async () => {
  const { vault, start } = await node();
  const before = await start();
  const first = filesIn(await before.mount({ objects }, { targetPath }));
  await before.stop();
  vault.vault.node.status.sealed = true;
  const after = await start();
  expect(filesIn(await after.mount({ objects }, { targetPath }))).toEqual(first);
});

test("of two on one node the second makes no credential, serves what is static, and takes over when the first ends", async () => {
  const { start, state } = await node();
  const first = await start();
  await first.mount({ objects }, { targetPath });
  const second = await start();
  const app = objects.split("\n")[2]!;
  expect(filesIn(await second.mount({ objects: app }, { targetPath }))).toEqual({ app: "hunter2" });
  expect(filesIn(await second.mount({ objects }, { targetPath: podVolumePath("uid-1", "other") }))).toMatch(
    /FAILED_PRECONDITION: .*another keymount on this node still holds the credentials/,
  );
  expect(second.logText()).toContain("another process has the lock of the state directory");
  await first.stop();
  await expect.poll(() => second.logText(), { timeout: 5_000 }).toContain("the lock of the state directory is ours");
  expect(filesIn(await second.mount({ objects }, { targetPath }))).toMatchObject({ app: "hunter2" });
  await second.stop();
  await expect(readFile(join(state, "lock"))).rejects.toThrow();
});

test("one that stops before it takes over revokes its logins, which nobody else knows", async () => {
  const { vault, start } = await node();
  const first = await start();
  await first.mount({ objects }, { targetPath });
  const second = await start();
  await second.mount({ objects: objects.split("\n")[2]! }, { targetPath });
  expect(vault.vault.live).toEqual({ tokens: 2, leases: 1, users: 1 });
  await second.stop();
  expect(vault.vault.live).toEqual({ tokens: 1, leases: 1, users: 1 });
});

test("what Vault is asked for when keymount stops is waited for: the next process has it, and nothing is orphaned", async () => {
  const { vault, start, asked } = await node();
  const before = await start();
  vault.vault.fault({ path: "auth/kubernetes/login", times: 1 }, delayed(400));
  vault.vault.fault({ path: "database/creds/app", times: 1 }, delayed(400));
  await before.mount({ objects }, { targetPath }, 200); // The driver gives up before the login is answered.
  await before.stop();
  expect(vault.vault.live).toEqual({ tokens: 1, leases: 1, users: 1 });
  vault.vault.log.clear();
  const after = await start();
  expect(filesIn(await after.mount({ objects }, { targetPath }))).toMatchObject({ app: "hunter2" });
  expect(asked().filter((line) => !line.includes("kv/"))).toEqual([]);
  expect(vault.vault.live).toEqual({ tokens: 1, leases: 1, users: 1 });
});

test("what could not be written for a while is written afterwards, without a Mount", async () => {
  const { vault, start, asked, state } = await node();
  const before = await start();
  const [records, away] = [join(state, "records"), join(state, "away")];
  await rename(records, away);
  const first = filesIn(await before.mount({ objects }, { targetPath }));
  await rename(away, records);
  const back = "all tokens and leases are in the state directory again";
  await expect.poll(() => before.logText(), { timeout: 5_000 }).toContain(back);
  expect(before.logText().split("could not be written to the state directory")).toHaveLength(2);
  await before.stop();
  vault.vault.log.clear();
  const after = await start();
  expect(filesIn(await after.mount({ objects }, { targetPath }))).toEqual(first);
  expect(asked()).toEqual([]);
});

test("nothing in the state directory can be read without the key", async () => {
  const { vault, start, state } = await node();
  const provider = await start();
  const files = filesIn(await provider.mount({ objects }, { targetPath }));
  await provider.stop();
  const { readdir } = await import("node:fs/promises");
  const records = await readdir(join(state, "records"));
  expect(records).toHaveLength(1);
  const bytes = (await readFile(join(state, "records", records[0]!))).toString("latin1");
  const token = vault.vault.cluster.tokens.all().find(({ id }) => id !== vault.vault.rootToken)!;
  for (const secret of [token.id, ...Object.values(files as Record<string, string>)])
    expect(bytes).not.toContain(secret);
});
