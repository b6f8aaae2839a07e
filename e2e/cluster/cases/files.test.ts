import { describe, expect, test } from "vitest";
import { makeIdentity } from "../../../dev/testing/certificates.js";
import { eventually } from "../../stack/eventually.js";
import { createFixture } from "../stack/fixture.js";

const { app, workloads, signal } = await createFixture("files");

describe("a Deployment's pods get the files of their class", async () => {
  const bytes = Buffer.from([0, 1, 0x7f, 0x80, 0xff, 0xfe]);
  await app.vault.writeSecret(`${app.namespace}/db`, { password: "old" });
  await app.vault.writeSecret(`${app.namespace}/db`, {
    password: "hunter2",
    hosts: ["db-0", "db-1"],
    base64: bytes.toString("base64"),
    hex: bytes.toString("hex"),
  });
  await app.vault.request("PUT", `kv1/${app.namespace}/app`, { greeting: "grüße\n" });
  const v2 = { secretPath: `secret/data/${app.namespace}/db` };
  const objects = [
    { ...v2, objectName: "db/password", secretKey: "password", filePermission: 0o440 },
    { ...v2, objectName: "db/previous", secretKey: "password", version: "1" },
    { ...v2, objectName: "db/second-host", secretKey: "/hosts/1", filePermission: 0o444 },
    { ...v2, objectName: "from-base64", secretKey: "base64", encoding: "base64", filePermission: 0o400 },
    { ...v2, objectName: "from-hex", secretKey: "hex", encoding: "hex", filePermission: 0o600 },
    { ...v2, objectName: "whole.json" },
    { objectName: "greeting", secretPath: `kv1/${app.namespace}/app`, secretKey: "greeting", encoding: "utf-8" },
  ];
  const secretProviderClass = await app.createClass({ objects });
  const volumes = { secrets: { secretProviderClass } };

  test("KV v1 and v2, every encoding, every mode, in each of its pods", async () => {
    const deployment = await workloads.createDeployment({ volumes }, 2);

    for (const pod of await workloads.running(deployment, 2, signal)) {
      const { "whole.json": whole, ...files } = await pod.files("secrets");
      expect(files).toEqual({
        "db/password": seen("hunter2", "440"),
        "db/previous": seen("old", "644"),
        "db/second-host": seen("db-1", "444"),
        "from-base64": seen(bytes, "400"),
        "from-hex": seen(bytes, "600"),
        greeting: seen("grüße\n", "644"),
      });
      expect(JSON.parse(whole!.text)).toMatchObject({ data: { data: { password: "hunter2" } } });
    }
  });

  // The files are of root and root's group, which a container is in unless runAsGroup says otherwise. No fsGroup changes
  // that: the driver's CSIDriver object has no fsGroupPolicy.
  test("another uid reads what the mode lets the group or everybody read, and nothing else", async () => {
    const pod = await workloads.runPod({ volumes, runAsUser: 1000, fsGroup: 2000 }, signal);
    const read = (...files: string[]) => pod.exec("cat", ...files.map((file) => `/mnt/secrets/${file}`));

    expect((await pod.exec("id", "-u")).trim()).toBe("1000");
    expect(await read("db/password", "db/previous", "greeting")).toBe("hunter2oldgrüße\n");
    for (const closed of ["from-base64", "from-hex"]) await expect(read(closed)).rejects.toThrow(/Permission denied/);
  });

  test("no user can write there, not even root", async () => {
    const pod = await workloads.runPod({ volumes }, signal);

    await expect(pod.exec("sh", "-c", "echo mine > /mnt/secrets/db/previous")).rejects.toThrow(/Read-only file system/);
  });
});

test.concurrent("the same secret in the shape that an application wants", async () => {
  const data = { HOST: "db.example", PASSWORD: 'it\'s $HOME "x"\nand more', PORT: 5432, NESTED: { a: [1, "b"] } };
  await app.vault.writeSecret(`${app.namespace}/shapes`, data);
  await app.vault.writeSecret(`${app.namespace}/registry`, {
    registry: "r.example",
    username: "app",
    password: "hunter2",
  });
  const secretPath = `secret/data/${app.namespace}/shapes`;
  const objects = [
    ...["json", "env", "properties", "yaml", "envelope"].map((format) => ({ objectName: format, secretPath, format })),
    { objectName: "docker-env", secretPath, secretKey: "NESTED", format: "docker-env" },
    { objectName: "kube-env", secretPath, secretKey: "NESTED", format: "kube-env" },
    { objectName: "raw", secretPath, secretKey: "PASSWORD", format: "raw" },
    { objectName: "dockerconfigjson", secretPath: `secret/data/${app.namespace}/registry`, format: "dockerconfigjson" },
  ];
  const secretProviderClass = await app.createClass({ objects });
  const pod = await workloads.runPod({ volumes: { secrets: { secretProviderClass } } }, signal);

  const { envelope, dockerconfigjson, ...texts } = await pod.texts("secrets");
  expect(texts).toEqual({
    json: JSON.stringify({ HOST: data.HOST, NESTED: data.NESTED, PASSWORD: data.PASSWORD, PORT: data.PORT }),
    env: `HOST=db.example\nNESTED='{"a":[1,"b"]}'\nPASSWORD='it'\\''s $HOME "x"\nand more'\nPORT=5432\n`,
    properties: `HOST=db.example\nNESTED={"a":[1,"b"]}\nPASSWORD=it's $HOME "x"\\nand more\nPORT=5432\n`,
    yaml: `HOST: "db.example"\nNESTED:\n  a:\n    - 1\n    - "b"\nPASSWORD: "it's $HOME \\"x\\"\\nand more"\nPORT: 5432\n`,
    "docker-env": `a=[1,"b"]\n`,
    "kube-env": `a='[1,"b"]'\n`,
    raw: data.PASSWORD,
  });
  expect(JSON.parse(envelope!)).toMatchObject({ data: { data } });
  expect(JSON.parse(dockerconfigjson!)).toMatchObject({ auths: { "r.example": { password: "hunter2" } } });
  expect(await pod.exec("sh", "-c", 'set -a; . /mnt/secrets/env; printf %s "$PASSWORD"')).toBe(data.PASSWORD);
});

test.concurrent("every key a file, and the files follow the keys as they come and go", async () => {
  const write = (data: Record<string, unknown>) => app.vault.writeSecret(`${app.namespace}/keys`, data);
  await write({ HOST: "db-0", DB_USER: "app", DB_PASSWORD: "hunter2", "other/key": "x" });
  const secret = { secretPath: `secret/data/${app.namespace}/keys`, refreshInterval: "1s" };
  const objects = [{ ...secret, objectName: "db/", keys: ["HOST", "DB_*"], rename: { HOST: "host.txt" } }];
  const secretProviderClass = await app.createClass({ objects });
  const pod = await workloads.runPod({ volumes: { secrets: { secretProviderClass } } }, signal);
  expect(await pod.texts("secrets")).toEqual({
    "db/host.txt": "db-0",
    "db/DB_USER": "app",
    "db/DB_PASSWORD": "hunter2",
  });

  await write({ HOST: "db-1", DB_PASSWORD: "hunter3", DB_NAME: "shop" });
  const followed = { "db/host.txt": "db-1", "db/DB_PASSWORD": "hunter3", "db/DB_NAME": "shop" };
  await eventually(async () => expect(await pod.texts("secrets")).toEqual(followed), signal);
});

test.concurrent("a template over two secrets, and a keystore, follow their secrets; unchanged files are not rewritten", async () => {
  const write = (name: string, data: Record<string, unknown>) =>
    app.vault.writeSecret(`${app.namespace}/${name}`, data);
  const at = (name: string) => `secret/data/${app.namespace}/${name}`;
  const { cert, key } = makeIdentity({ commonName: "web.example" });
  await write("login", { user: "app", password: 'a:b"c', big: 1 });
  await write("place", { host: "db-0" });
  await write("store", { "tls.crt": cert, "tls.key": key, pass: "changeit" });
  const objects = [
    {
      objectName: "conf.json",
      secretPath: at("login"),
      sources: { place: { secretPath: at("place") } },
      template: '{"host": {{ place.host | json }}, "password": {{ password | json }}}',
      refreshInterval: "1s",
    },
    {
      objectName: "web.p12",
      secretPath: at("store"),
      format: "pkcs12",
      password: { secretKey: "pass" },
      refreshInterval: "1s",
    },
  ];
  const secretProviderClass = await app.createClass({ objects });
  const pod = await workloads.runPod({ volumes: { secrets: { secretProviderClass } } }, signal);
  const conf = async () => JSON.parse((await pod.texts("secrets"))["conf.json"]!) as unknown;
  expect(await conf()).toEqual({ host: "db-0", password: 'a:b"c' });
  const before = {
    store: (await pod.files("secrets"))["web.p12"]!.bytes,
    versions: await workloads.versions(pod.name, secretProviderClass),
  };

  await write("place", { host: "db-1" });
  await eventually(async () => expect(await conf()).toEqual({ host: "db-1", password: 'a:b"c' }), signal);
  expect((await pod.files("secrets"))["web.p12"]!.bytes).toEqual(before.store);
  const after = await workloads.versions(pod.name, secretProviderClass);
  expect(after["web.p12"]).toBe(before.versions["web.p12"]);
  expect(after["conf.json"]).not.toBe(before.versions["conf.json"]);

  // A mistake that comes later leaves the old file.
  await write("place", { hostname: "db-2" });
  await write("login", { user: "app", password: "new" });
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  expect(await conf()).toEqual({ host: "db-1", password: 'a:b"c' });
  await write("place", { host: "db-2" });
  await eventually(async () => expect(await conf()).toEqual({ host: "db-2", password: "new" }), signal);
});

test.concurrent("what is missing is left out or has its default; what is denied is neither", async () => {
  await app.vault.writeSecret(`${app.namespace}/there`, { host: "db-0" });
  const at = (name: string) => `secret/data/${app.namespace}/${name}`;
  const objects = [
    { objectName: "host", secretPath: at("there"), secretKey: "host" },
    { objectName: "none", secretPath: at("not-there"), secretKey: "x", optional: true, refreshInterval: "1s" },
    { objectName: "level", secretPath: at("there"), secretKey: "level", default: "info" },
    { objectName: "replica", secretPath: at("there"), secretKey: "replica", default: { key: "host" } },
  ];
  const secretProviderClass = await app.createClass({ objects });
  const pod = await workloads.runPod({ volumes: { secrets: { secretProviderClass } } }, signal);
  expect(await pod.texts("secrets")).toEqual({ host: "db-0", level: "info", replica: "db-0" });

  await app.vault.writeSecret(`${app.namespace}/not-there`, { x: "now it is" });
  await eventually(async () => expect(await pod.texts("secrets")).toMatchObject({ none: "now it is" }), signal);
  await app.vault.request("DELETE", at("not-there"));
  await eventually(async () => expect(await pod.texts("secrets")).not.toHaveProperty("none"), signal);

  const denied = [
    objects[0]!,
    { objectName: "secret", secretPath: "secret/data/others/x", secretKey: "x", optional: true },
  ];
  const refused = await workloads.createPod({
    volumes: { secrets: { secretProviderClass: await app.createClass({ objects: denied }) } },
  });
  await eventually(async () => {
    const said = (await workloads.events(refused)).join("\n");
    expect(said).toMatch(/secret: .*secret\/data\/others\/x/);
  }, signal);
});

/**
 * Reads both files over and over, once more after /tmp/enough is there, and says each pair it has not said just before.
 * A pair counts when `..data` is the same before and after: a reader that keeps to that sees both files of one moment.
 */
const watch = `cd /mnt/secrets
until [ "$enough" ]; do
  [ -e /tmp/enough ] && enough=yes
  before=$(readlink ..data)
  pair="$(md5sum < left || echo missing) $(md5sum < right || echo missing)"
  [ "$before" = "$(readlink ..data)" ] && [ "$pair" != "$said" ] && echo "$pair" && said=$pair
done
true`;

test.concurrent("a reader in the container sees the driver's swap as one step: no file missing, half, or of another moment", async () => {
  const write = (content: string) => {
    const large = content.repeat(200_000);
    return app.vault.writeSecret(`${app.namespace}/pair`, { left: `${large}<`, right: `${large}>` });
  };
  await write("1");
  const object = { secretPath: `secret/data/${app.namespace}/pair`, refreshInterval: "1s" };
  const sides = ["left", "right"].map((side) => ({ ...object, objectName: side, secretKey: side }));
  const secretProviderClass = await app.createClass({ objects: sides });
  const pod = await workloads.runPod({ volumes: { secrets: { secretProviderClass } } }, signal);
  const sums = async () => sumsIn(await pod.exec("sh", "-c", "cd /mnt/secrets; md5sum < left; md5sum < right"));
  const data = () => pod.exec("readlink", "/mnt/secrets/..data");
  const before = { data: await data(), sums: await sums() };
  const watching = pod.exec("sh", "-c", watch);

  await write("2");
  await eventually(async () => expect(await data()).not.toBe(before.data), signal);
  const after = { data: await data(), sums: await sums() };
  await pod.exec("touch", "/tmp/enough");

  expect(after.sums).not.toEqual(before.sums);
  expect((await watching).trim().split("\n").map(sumsIn)).toEqual([before.sums, after.sums]);
});

/** `md5sum` puts a dash after each sum that it makes of its standard input. */
const sumsIn = (text: string) => text.split(/[\s-]+/).filter(Boolean);

const seen = (content: string | Buffer, mode: string) => {
  const bytes = Buffer.from(content);
  return { bytes, text: bytes.toString("utf8"), mode };
};
