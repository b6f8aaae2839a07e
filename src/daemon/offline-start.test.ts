import { join } from "node:path";
import { readdir } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import type { Administrator } from "../../dev/vault/administrator.js";
import { answering, erring } from "../../dev/vault/faults.js";
import { startKubernetesApi } from "../../dev/testing/kubernetes-api.js";
import { startReadyVault } from "../../dev/testing/ready-vault.js";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { filesIn, startProvider, webPod } from "../../dev/testing/start-provider.js";
import { until } from "../../dev/testing/until.js";
import { withDatabase } from "../../dev/testing/with-database.js";
import type { Mounting } from "../driver/mount-request.js";
import { type Clock, systemClock } from "../shared/clock.js";

const objects = "- {objectName: app, secretPath: kv/data/app, secretKey: password}";
const [minute, hour] = [60_000, 3_600_000];
const sealed = /is sealed/;

/** A node with one state directory, a Vault, and a clock that can be put forward. */
async function node(file = "offline: {maxAge: 24h}") {
  const vault = await startReadyVault();
  onTestFinished(() => vault.stop());
  const api = await startKubernetesApi(() => ({ status: 201, body: {} }));
  const state = join(await temporaryDirectory(), "state");
  const key = join(await temporaryDirectory(), "key");
  let ahead = 0;
  const clock: Clock = {
    ...systemClock,
    monotonic: () => systemClock.monotonic() + ahead,
  };
  const start = (more = file) =>
    startProvider({
      vault,
      file: `stateDir: ${state}\nstateOnDisk: true\nkeyFile: ${key}\nconnections: {main: {addresses: ["${vault.address}"], ${more}}}`,
      argv: [],
      events: api.client,
      clock,
    });
  const seal = (is: boolean) => (vault.vault.node.status.sealed = is);
  let pods = 1;
  /** A new pod, of service account shop/web unless said. */
  const newPod = (account: { namespace?: string; serviceAccount?: string; serviceAccountUid?: string } = {}) => {
    const uid = `uid-${(pods += 1)}`;
    const pod = { ...webPod, ...account, name: uid, uid };
    const token = vault.mint({ ...account, pod: { name: uid, uid } });
    return {
      pod,
      tokens: { vault: { token, expirationTimestamp: "2100-01-01T00:00:00Z" } },
    } satisfies Partial<Mounting>;
  };
  return {
    vault,
    admin: vault.admin,
    start,
    seal,
    newPod,
    state,
    events: api.calls,
    wait: (ms: number) => (ahead += ms),
  };
}

const copiesIn = async (state: string) => (await readdir(join(state, "offline"))).length;

test("a new pod starts from the sealed copy, also after a restart; event, metric and log say so, and a republish heals it", async () => {
  const { vault, admin, start, seal, newPod, events, wait } = await node();
  const first = await start();
  await first.mount({ objects });
  await first.stop();
  seal(true);
  wait(2.5 * hour);
  const provider = await start();
  const pod = newPod();
  const parameters = { objects, secretProviderClass: "web-class" };
  expect(filesIn(await provider.mount(parameters, pod))).toEqual({ app: "hunter2" });
  await until(() => events.length > 0);
  expect(events[0]!.body).toMatchObject({
    reason: "SecretsFromCache",
    type: "Warning",
    involvedObject: { uid: pod.pod.uid },
    message: expect.stringMatching(
      /^the volume of class web-class is made of copies of secrets that were read up to 3 h ago: .*is sealed/,
    ) as string,
  });
  const { text } = await provider.page("/metrics");
  expect(text).toContain('keymount_offline_served_total{connection="main",reason="unavailable"} 1');
  expect(text).toContain('keymount_mounts_total{outcome="stale"} 1');
  expect(Number(/^keymount_stale_seconds (\S+)$/m.exec(text)![1])).toBeGreaterThan(9_000);
  expect(provider.logText()).toMatch(/"age_seconds":90\d\d.*"served from offline copies"/);
  expect((await provider.page("/livez")).status).toBe(200);

  seal(false);
  await admin.putSecret("app", { password: "changed" });
  wait(minute);
  expect(filesIn(await provider.mount(parameters, pod))).toEqual({ app: "changed" });
  expect((await provider.page("/metrics")).text).toContain("keymount_stale_seconds 0");
  expect(vault.vault.log.all.filter(({ method, path }) => `${method} ${path}` === "GET kv/data/app")).toHaveLength(2);
});

interface Case {
  file?: string;
  account?: { namespace?: string; serviceAccount?: string; serviceAccountUid?: string };
  /** Objects beside `kv/data/app`. */
  more?: string;
  waitMs?: number;
}

test.each<[string, Case]>([
  ["another service account", { account: { serviceAccount: "other" } }],
  ["a service account made again", { account: { serviceAccountUid: "another" } }],
  ["a service account of another namespace", { account: { namespace: "crm" } }],
  ["a pod that comes after maxAge", { waitMs: 24 * hour + minute }],
  ["any pod where the connection does not say offline", { file: "tokenPer: pod" }],
  ["a volume with a credential", { more: "- {objectName: x, secretPath: transit/encrypt/x, method: PUT}" }],
  ["a volume with another secret", { more: "- {objectName: x, secretPath: kv/data/x, secretKey: x}" }],
])("while Vault is away, %s gets nothing", async (_what, { file, account = {}, more = "", waitMs = 0 }) => {
  const { start, seal, wait, newPod } = await node(file);
  const provider = await start();
  expect(filesIn(await provider.mount({ objects }))).toEqual({ app: "hunter2" });
  seal(true);
  wait(waitMs);
  expect(filesIn(await provider.mount({ objects: `${objects}\n${more}` }, newPod(account)))).toMatch(sealed);
});

test.each<[string, (admin: Administrator) => Promise<unknown>, RegExp]>([
  ["the policy denies", (admin) => admin.write("sys/policies/acl/web", { policy: "" }), /denies|denied/],
  ["the secret is deleted", (admin) => admin.request("DELETE", "kv/data/app"), /deleted/],
  [
    "the role does not take the account",
    (admin) =>
      admin.write("auth/kubernetes/role/web", {
        bound_service_account_names: ["other"],
        bound_service_account_namespaces: ["shop"],
        token_policies: ["web"],
      }),
    /log in|login/,
  ],
])("after a Mount in which %s, the copy is gone, from the directory as well", async (_what, change, refusal) => {
  const { admin, start, seal, newPod, state, wait } = await node();
  const provider = await start();
  await provider.mount({ objects });
  await expect.poll(() => copiesIn(state)).toBe(1);
  wait(minute);
  await change(admin);
  expect(filesIn(await provider.mount({ objects }, newPod()))).toMatch(refusal);
  await expect.poll(() => copiesIn(state)).toBe(0);
  wait(minute);
  seal(true);
  expect(filesIn(await provider.mount({ objects }, newPod()))).toMatch(sealed);
});

test("where the connection no longer keeps copies, the next process removes them", async () => {
  const { start, state, seal, newPod } = await node();
  const first = await start();
  await first.mount({ objects });
  await first.stop();
  expect(await copiesIn(state)).toBe(1);
  seal(true);
  const second = await start("tokenPer: pod");
  await expect.poll(() => copiesIn(state)).toBe(0);
  expect(filesIn(await second.mount({ objects }, newPod()))).toMatch(sealed);
});

test.each([
  ["an empty 403 of a mesh", answering(403, "")],
  ["a disaster recovery secondary", erring(400, "path disabled in replication DR secondary mode")],
])("%s is no verdict of Vault's: token, lease, files and copy stay", async (_what, fault) => {
  const { vault, start, newPod, state, wait } = await node();
  await withDatabase(vault);
  const provider = await start();
  const all = { objects: `${objects}\n- {objectName: user, secretPath: database/creds/app, secretKey: username}` };
  const pod = newPod();
  const files = filesIn(await provider.mount(all, pod));
  await until(async () => (await copiesIn(state)) === 1);
  const outage = vault.vault.fault({ path: /^(?!sys\/health)/ }, fault);
  wait(61_000);
  expect(filesIn(await provider.mount(all, pod))).toEqual(files);
  await provider.mount({ objects }, newPod());
  vault.vault.log.clear();
  wait(45 * minute); // Token and lease, of an hour each, are due.
  await until(() =>
    ["auth/token/renew-self", "sys/leases/renew"].every((path) => vault.vault.log.all.some((one) => one.path === path)),
  );
  expect(filesIn(await provider.mount(all, pod))).toEqual(files);
  expect(await copiesIn(state)).toBe(1);
  outage.clear();
  wait(minute);
  expect(filesIn(await provider.mount(all, pod))).toEqual(files);
  expect(vault.vault.live).toEqual({ tokens: 1, leases: 1, users: 1 });
});
