import { describe, expect, onTestFinished, test } from "vitest";
import { erring } from "../../dev/vault/faults.js";
import { type Mounting, podVolumePath } from "../driver/mount-request.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { startReadyVault } from "../../dev/testing/ready-vault.js";
import { withDatabase } from "../../dev/testing/with-database.js";
import { type ProviderSetting, filesIn, startProvider, webPod } from "../../dev/testing/start-provider.js";

const minute = 60_000;
const expirationTimestamp = "2100-01-01T00:00:00Z";
const object = (path: string, more = "") => `- {objectName: app, secretPath: ${path}, secretKey: password${more}}`;
const objects = object("kv/data/app");

/** A provider on a clock that stands still, and what its republishes come to. */
async function republishing(setting: ProviderSetting = {}) {
  const clock = new FakeClock(Date.now());
  const provider = await startProvider({ clock, ...setting });
  const { vault, admin, mint } = provider.vault;
  /** What Vault was asked, without what happens in the background. */
  const asked = () =>
    vault.log.all
      .filter(({ path }) => !["sys/health", "auth/token/renew-self", "auth/token/revoke-self"].includes(path))
      .map(({ method, path }) => `${method} ${path}`);
  return {
    ...provider,
    vault,
    admin,
    mint,
    clock,
    asked,
    /** A Mount as the kubelet's republish makes it, and what it cost. */
    async republish(parameters: Record<string, string> = { objects }, change: Partial<Mounting> = {}) {
      vault.log.clear();
      const gave = filesIn(await provider.mount(parameters, change));
      return { gave, asked: asked() };
    },
  };
}

type Provider = Awaited<ReturnType<typeof republishing>>;

/** The tokens of another pod of the same service account. */
function podTwo({ mint }: Provider): Partial<Mounting> {
  const pod = { ...webPod, name: "web-1", uid: "uid-2" };
  return {
    pod,
    tokens: { vault: { token: mint({ pod: { name: "web-1", uid: "uid-2" } }), expirationTimestamp } },
  };
}

async function revokeEveryToken({ vault, admin }: Provider): Promise<void> {
  const tokens = vault.cluster.tokens.all().filter(({ id }) => id !== vault.rootToken);
  for (const { accessor } of tokens) await admin.write("auth/token/revoke-accessor", { accessor });
}

const login = "POST auth/kubernetes/login";
const read = "GET kv/data/app";
const lookup = "GET auth/token/lookup-self";

/** After a first Mount of `hunter2`: what happens, how long later the republish comes, what it serves, what it costs. */
test.each<[string, (provider: Provider) => unknown, number, Record<string, string> | RegExp, string[]]>([
  ["nothing", () => {}, 0.5, { app: "hunter2" }, []],
  ["nothing for long", () => {}, 3, { app: "hunter2" }, [read]],
  ["a change, not due yet", ({ admin }) => admin.putSecret("app", { password: "new" }), 0.5, { app: "hunter2" }, []],
  ["a change", ({ admin }) => admin.putSecret("app", { password: "new" }), 3, { app: "new" }, [read]],
  ["a deletion", ({ admin }) => admin.request("DELETE", "kv/data/app"), 3, { app: "hunter2" }, [read]],
  ["a key taken away", ({ admin }) => admin.putSecret("app", { other: "x" }), 3, { app: "hunter2" }, [read]],
  [
    "a policy that denies it now",
    ({ admin }) => admin.write("sys/policies/acl/web", { policy: "" }),
    3,
    { app: "hunter2" },
    [read, lookup],
  ],
  ["a seal", ({ vault }) => void (vault.node.status.sealed = true), 3, { app: "hunter2" }, [read]],
  [
    "a quota",
    ({ vault }) => void vault.fault({ path: "kv/data/app" }, erring(429, "rate limit quota exceeded")),
    3,
    { app: "hunter2" },
    [read],
  ],
  ["its token revoked behind our back, not due", (provider) => revokeEveryToken(provider), 0.5, { app: "hunter2" }, []],
  [
    "its token revoked behind our back",
    (provider) => revokeEveryToken(provider),
    3,
    { app: "hunter2" },
    [read, login, read],
  ],
  ["its token renewed meanwhile", () => {}, 50, { app: "hunter2" }, [read]],
])("after %s, a republish costs and serves this", async (_what, happens, minutes, serves, costs) => {
  const provider = await republishing();
  await provider.republish();
  await happens(provider);
  await provider.clock.advance(minutes * minute);
  const { gave, asked } = await provider.republish();
  if (serves instanceof RegExp) expect(gave).toMatch(serves);
  else expect(gave).toEqual(serves);
  expect(asked).toEqual(costs);
});

describe("the class", () => {
  test("edited is served as edited, and what it no longer names is forgotten", async () => {
    const provider = await republishing();
    await provider.republish();
    const second = "- {objectName: two, secretPath: kv1/app, secretKey: password}";
    expect(await provider.republish({ objects: `${objects}\n${second}` })).toEqual({
      gave: { app: "hunter2", two: "one" },
      asked: ["GET kv1/app", "GET kv/data/app"], // Both of one moment.
    });
    expect(await provider.republish({ objects: second })).toEqual({ gave: { two: "one" }, asked: [] });
    expect(await provider.republish()).toEqual({ gave: { app: "hunter2" }, asked: [read] });
  });

  test("edited with a path as the vault command writes it is told the right one, as at a first Mount", async () => {
    const provider = await republishing();
    await provider.republish();
    const second = "- {objectName: two, secretPath: kv/app, secretKey: password}";
    expect((await provider.republish({ objects: `${objects}\n${second}` })).gave).toMatch(
      /two: nothing at kv\/app: this is a KV version 2 engine, .*: kv\/data\/app$/,
    );
  });

  test("of a class with onDenied: fail gets the denial, and is served again once it is lifted", async () => {
    const provider = await republishing();
    const parameters = { objects, onDenied: "fail" };
    await provider.republish(parameters);
    await provider.admin.request("DELETE", "kv/data/app");
    await provider.clock.advance(3 * minute);
    expect((await provider.republish(parameters)).gave).toMatch(/NOT_FOUND: app: .* was deleted/);
    await provider.admin.putSecret("app", { password: "back" });
    await provider.clock.advance(5 * minute);
    expect((await provider.republish(parameters)).gave).toEqual({ app: "back" });
  });

  test("whose key was missing is served as soon as the key is there, however rarely it is refreshed", async () => {
    const provider = await republishing();
    const parameters = { objects: object("kv/data/app", ", refreshInterval: 24h").replace("password", "user") };
    expect((await provider.republish(parameters)).gave).toMatch(/no key "user"/);
    await provider.admin.putSecret("app", { user: "ada" });
    await provider.clock.advance(2_000);
    expect(await provider.republish(parameters)).toEqual({ gave: { app: "ada" }, asked: [read] });
    expect((await provider.republish(parameters)).asked).toEqual([]);
  });

  test("that the operator's policy forbids gets nothing that is held: not another role, namespace or path", async () => {
    const vault = await startReadyVault();
    onTestFinished(() => vault.stop());
    const policy = "{roles: [web], paths: [kv/data/app]}";
    const file = `connections: {default: {addresses: ["${vault.address}"], policy: ${policy}}}`;
    const provider = await republishing({ vault, file, argv: [] });
    await provider.republish();
    for (const change of [{ roleName: "admin" }, { objects: object("kv/data/other") }]) {
      const { gave, asked } = await provider.republish({ objects, ...change });
      expect([gave, asked]).toEqual([expect.stringContaining("PERMISSION_DENIED"), []]);
    }
  });
});

describe("sharing", () => {
  test("two volumes of a pod share a token and an answer; a volume more costs nothing", async () => {
    const provider = await republishing();
    await provider.republish();
    const other = { targetPath: podVolumePath(webPod.uid, "other") };
    expect(await provider.republish({ objects }, other)).toEqual({ gave: { app: "hunter2" }, asked: [] });
    await provider.clock.advance(3 * minute);
    expect((await provider.republish()).asked).toEqual([read]);
    expect((await provider.republish({ objects }, other)).asked).toEqual([]);
  });

  test("two pods of a service account share nothing", async () => {
    const provider = await republishing();
    await provider.republish();
    expect(await provider.republish({ objects }, podTwo(provider))).toEqual({
      gave: { app: "hunter2" },
      asked: [login, read],
    });
  });

  test("unless the operator says so: then token and answers are one", async () => {
    const vault = await startReadyVault();
    onTestFinished(() => vault.stop());
    const file = `connections: {default: {addresses: ["${vault.address}"], tokenPer: serviceAccount}}`;
    const provider = await republishing({ vault, file, argv: [] });
    await provider.republish();
    expect(await provider.republish({ objects }, podTwo(provider))).toEqual({ gave: { app: "hunter2" }, asked: [] });
  });
});

describe("the sync controller", () => {
  /** One pod's name and uid for everybody, tokens bound to no pod, a path that is no volume (sync controller v0.0.4). */
  const controller = ({ vault }: Provider): Partial<Mounting> => ({
    pod: { ...webPod, name: "sync-controller", uid: "uid-sync" },
    targetPath: "/mnt/secrets-store",
    tokens: { vault: { token: vault.mintServiceAccountToken(unbound), expirationTimestamp } },
  });
  const unbound = { namespace: "shop", serviceAccount: "web", audiences: ["vault"] };

  test("has its answers held by what it asks for", async () => {
    const provider = await republishing();
    const change = controller(provider);
    expect((await provider.republish({ objects }, change)).gave).toEqual({ app: "hunter2" });
    expect((await provider.republish({ objects }, change)).asked).toEqual([]);
    const two = { objects: object("kv1/app") };
    const asked = [login, "GET kv1/app"]; // Each class has a token of its own, to be revoked alone.
    expect(await provider.republish(two, change)).toEqual({ gave: { app: "one" }, asked });
  });

  test("is given a lease where its interval is known, and loses it after two missed Mounts", async () => {
    const vault = await startReadyVault();
    onTestFinished(() => vault.stop());
    await withDatabase(vault);
    const file = `syncPollInterval: 5m\nconnections: {default: {addresses: ["${vault.address}"]}}`;
    const provider = await republishing({ vault, file, argv: [] });
    const login = { objects: "- {objectName: app, secretPath: database/creds/app, secretKey: username}" };
    const { gave } = await provider.republish(login, controller(provider));
    expect(gave).toEqual({ app: expect.any(String) as string });
    expect(vault.vault.live).toEqual({ tokens: 1, leases: 1, users: 1 });
    for (let minutes = 0; minutes < 12; minutes += 1) await provider.clock.advance(minute);
    await expect.poll(() => vault.vault.live).toEqual({ tokens: 0, leases: 0, users: 0 });
    expect(provider.logText()).toContain("the sync controller has missed two Mounts of a class");
  });

  test("is refused what lives as long as a volume", async () => {
    const provider = await republishing();
    const issued = { objects: object("pki/issue/web", ", method: POST") };
    const { gave, asked } = await provider.republish(issued, controller(provider));
    expect([gave, asked]).toEqual([expect.stringContaining("needs a pod volume"), []]);
  });
});
