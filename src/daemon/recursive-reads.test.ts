import { describe, expect, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { filesIn, startProvider } from "../../dev/testing/start-provider.js";

const objects = "- {objectName: app/, secretPath: kv/data/shop/}";

/** A provider, and a Vault with such secrets below `kv/shop`, which the role's policy allows unless told. */
async function provider(
  secrets: Record<string, Record<string, unknown>>,
  setting: Parameters<typeof startProvider>[0] = {},
  denied: readonly string[] = [],
) {
  const clock = new FakeClock(Date.now());
  const { vault, ...started } = await startProvider({ clock, ...setting });
  const write = (name: string, data: Record<string, unknown>) => vault.admin.putSecret(`shop/${name}`, data);
  for (const [name, data] of Object.entries(secrets)) await write(name, data);
  const policy = [
    'path "kv/data/shop/*" { capabilities = ["read"] }',
    'path "kv/metadata/shop/*" { capabilities = ["list"] }',
    'path "kv1/*" { capabilities = ["read", "list"] }',
    ...denied.map((path) => `path "${path}" { capabilities = ["deny"] }`),
  ];
  await vault.admin.write("sys/policies/acl/web", { policy: policy.join("\n") });
  const remove = (path: string) => vault.admin.request("DELETE", path);
  vault.vault.log.clear();
  const asked = () =>
    vault.vault.log.all.flatMap(({ method, path }) => (path.startsWith("kv") ? [`${method} ${path}`] : []));
  const mount = async (parameters: Record<string, string> = { objects }) =>
    filesIn(await clock.during(started.mount(parameters)));
  const later = async (parameters?: Record<string, string>) => {
    await clock.advance(600_000);
    clock.setWall(-600_000); // A call's deadline is a time of the real clock.
    return mount(parameters);
  };
  return { ...started, vault, write, remove, asked, mount, later };
}

const three = { db: { user: "app", password: "hunter2" }, "team/web": { key: "x" }, "team/a/deep": { n: 5 } };

describe("a recursive read", () => {
  test("of KV v2 lists the folders, and gives each key of each secret a file", async () => {
    const { mount, asked } = await provider(three);
    const files = {
      "app/db/user": "app",
      "app/db/password": "hunter2",
      "app/team/web/key": "x",
      "app/team/a/deep/n": "5",
    };
    expect(await mount()).toEqual(files);
    expect(asked().sort()).toEqual([
      "GET kv/data/shop/db",
      "GET kv/data/shop/team/a/deep",
      "GET kv/data/shop/team/web",
      "LIST kv/metadata/shop",
      "LIST kv/metadata/shop/team",
      "LIST kv/metadata/shop/team/a",
    ]);
    expect(await mount()).toEqual(files);
    expect(asked(), "nothing is due at the next Mount").toHaveLength(6);
  });

  test("of KV v1 lists the path itself", async () => {
    const { vault, mount } = await provider({});
    await vault.admin.write("kv1/shop/db", { password: "one" });
    expect(await mount({ objects: "- {objectName: /, secretPath: kv1/shop/}" })).toEqual({ "db/password": "one" });
  });

  test("has keys, patterns and other names over secret/key", async () => {
    const { mount } = await provider(three);
    const chosen = "{keys: [db/password, 'team/*'], rename: {db/password: pass, team/web/key: team/key}}";
    expect(await mount({ objects: `- {objectName: app/, secretPath: kv/data/shop/, ${chosen.slice(1)}` })).toEqual({
      "app/pass": "hunter2",
      "app/team/key": "x",
      "app/team/a/deep/n": "5",
    });
  });

  test("shares its reads with other objects of the volume", async () => {
    const { mount, asked } = await provider(three);
    const beside = `${objects}\n- {objectName: user, secretPath: kv/data/shop/db, secretKey: user}`;
    expect(await mount({ objects: beside })).toMatchObject({ user: "app", "app/db/user": "app" });
    expect(asked().filter((line) => line === "GET kv/data/shop/db")).toHaveLength(1);
  });

  test("follows secrets that come and go, and those that are deleted but still listed", async () => {
    const { mount, later, write, remove } = await provider({ db: { a: "1" }, old: { b: "2" }, gone: { c: "3" } });
    expect(await mount()).toEqual({ "app/db/a": "1", "app/old/b": "2", "app/gone/c": "3" });
    await write("db", { a: "4" });
    await write("new/one", { d: "5" });
    await remove("kv/data/shop/old");
    await remove("kv/metadata/shop/gone");
    expect(await later()).toEqual({ "app/db/a": "4", "app/new/one/d": "5" });
  });

  test("keeps the old files where all of it is gone, unless it is optional", async () => {
    const optional = { objects: `${objects.slice(0, -1)}, optional: true}\n- {objectName: pin, secretPath: kv1/app}` };
    const { mount, later, remove } = await provider({ db: { a: "1" } });
    expect(await mount(optional)).toMatchObject({ "app/db/a": "1" });
    await remove("kv/data/shop/db");
    expect(Object.keys((await later(optional)) as object)).toEqual(["pin"]);

    const kept = await provider({ db: { a: "1" } });
    expect(await kept.mount()).toEqual({ "app/db/a": "1" });
    await kept.remove("kv/data/shop/db");
    expect(await kept.later(), "deleted, and still listed").toEqual({ "app/db/a": "1" });
    await kept.remove("kv/metadata/shop/db");
    expect(await kept.later(), "not listed").toEqual({ "app/db/a": "1" });
  });

  test.each<[string, string, RegExp]>([
    ["nothing below", "kv/data/none/", /^NOT_FOUND: app\/: .*kv\/metadata\/none/],
    ["KV v2 written as v1", "kv/shop/", /kv\/metadata\/shop/],
    ["KV v1 written as v2", "kv1/data/app/", /KV version 1 engine/],
  ])("tells %s", async (_what, secretPath, says) => {
    const { mount, vault } = await provider(three);
    await vault.admin.write("sys/policies/acl/web", { policy: 'path "*" { capabilities = ["read", "list"] }' });
    expect(await mount({ objects: `- {objectName: app/, secretPath: ${secretPath}}` })).toMatch(says);
  });

  test.each<[string, string]>([
    ["a secret", "kv/data/shop/team/web"],
    ["a folder", "kv/metadata/shop/team"],
    ["all of it", "kv/metadata/shop"],
  ])("names %s that is denied, also where it is optional", async (_what, path) => {
    const { mount } = await provider(three, {}, [path, `${path}/`]);
    const refused = new RegExp(`^PERMISSION_DENIED: app/: .*${path}`);
    expect(await mount()).toMatch(refused);
    expect(await mount({ objects: `${objects.slice(0, -1)}, optional: true}` })).toMatch(refused);
  });

  test("serves what it has where a secret cannot be had", async () => {
    const { mount, later, vault, write } = await provider(three);
    const first = await mount();
    await write("team/new", { a: "1" });
    await vault.admin.write("sys/policies/acl/web", { policy: "" });
    expect(await later()).toEqual(first);
  });
});

test("the operator's policy judges each list and each secret, before it is asked for", async () => {
  const within = async (paths: string) => {
    const policy = `policy: {paths: [${paths}], deniedPaths: ["kv/data/shop/team/a/*"]}`;
    const { mount, asked } = await provider(three, { file: `connections: {default: {${policy}}}\n` });
    return { said: await mount(), asked: asked() };
  };
  const [none, lists, all] = [
    await within("kv/data/*"),
    await within("kv/metadata/shop/*, kv/data/shop/db"),
    await within("kv/*"),
  ];
  expect(none.said).toMatch(/path "kv\/metadata\/shop" \(/);
  expect(none.asked).toEqual([]);
  expect(lists.said).toMatch(/^PERMISSION_DENIED: app\/: .*path "kv\/data\/shop\/team\/web"/);
  expect(all.said).toMatch(/path "kv\/data\/shop\/team\/a\/deep" \(denied as/);
  for (const { asked } of [lists, all]) expect(asked.filter((line) => line.startsWith("GET"))).toEqual([]);
});
