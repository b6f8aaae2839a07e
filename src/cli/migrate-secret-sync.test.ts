import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { migrateOn } from "./migrate.js";

const password = "- {objectName: password, secretPath: secret/data/web, secretKey: password}";
const data = [{ objectName: "password", key: "password" }];
const db = { secretName: "db", type: "Opaque", data };

const classOf = (secretObjects: unknown, { name = "web", namespace = "shop", objects = password } = {}) => ({
  apiVersion: "secrets-store.csi.x-k8s.io/v1",
  kind: "SecretProviderClass",
  metadata: { name, namespace },
  spec: { provider: "vault", parameters: { roleName: "web", objects }, secretObjects },
});

const asked = ["--secret-sync", "syncs.yaml", "--service-account", "web"];

async function migrate(classes: readonly unknown[] | string, args: readonly string[] = asked) {
  const out = { stdout: "", stderr: "" };
  const written: Record<string, string> = {};
  const text = typeof classes === "string" ? classes : JSON.stringify({ kind: "List", items: classes });
  const code = await migrateOn({
    writeNewFiles: async (files) => {
      for (const { path, text } of files) written[path] = text;
    },
  }).run(
    ["-f", "classes", ...args, "--vault-addr=https://vault.example:8200"],
    {
      program: "keymount",
      stdout: { write: (part) => void (out.stdout += part) },
      stderr: { write: (part) => void (out.stderr += part) },
      readFile: async () => text,
    },
    new AbortController().signal,
  );
  const file = written["syncs.yaml"];
  // As kubectl reads it.
  const documents = file === undefined ? [] : parseAllDocuments(file, { version: "1.1" });
  const syncs = documents.map((document) => document.toJS() as unknown).filter(Boolean);
  return { code, ...out, written, syncs };
}

test("each entry of secretObjects becomes a SecretSync of the Secret's name, in the namespace of the class", async () => {
  const labels = { app: "on", "example.com/part": "0123" };
  const tls = {
    secretName: " web-tls ",
    type: "kubernetes.io/tls",
    labels,
    annotations: { note: "yes\n---\nno" },
    data: [
      { objectName: " tls.crt ", key: "tls.crt" },
      { objectName: "old.key", key: "tls.key" },
      { objectName: "tls.key", key: "tls.key" },
    ],
  };
  const read = (name: string) => `\n- {objectName: ${name}, secretPath: secret/data/tls, secretKey: ${name}}`;
  const objects = password + ["tls.crt", "tls.key", "old.key"].map(read).join("");
  const { code, syncs, stderr, stdout } = await migrate([
    classOf([db, tls], { objects }),
    classOf([db], { namespace: "pay", name: "pay" }),
    classOf(undefined, { name: "none" }),
  ]);

  const syncOf = (namespace: string, name: string, secretProviderClassName: string, secretObject: unknown) => ({
    apiVersion: "secret-sync.x-k8s.io/v1alpha1",
    kind: "SecretSync",
    metadata: { name, namespace },
    spec: { secretProviderClassName, serviceAccountName: "web", secretObject },
  });
  const plain = { type: "Opaque", data: [{ sourcePath: "password", targetKey: "password" }] };
  expect(syncs).toEqual([
    syncOf("pay", "db", "pay", plain),
    syncOf("shop", "db", "web", plain),
    syncOf("shop", "web-tls", "web", {
      type: "kubernetes.io/tls",
      data: [
        { sourcePath: "tls.crt", targetKey: "tls.crt" },
        { sourcePath: "tls.key", targetKey: "tls.key" },
      ],
      labels,
      annotations: { note: "yes\n---\nno" },
    }),
  ]);
  expect(code).toBe(0);
  expect(stderr).toContain("SecretSyncs of secretObjects: 3 written, 0 impossible.");
  expect(stdout).toContain("connections:");
});

const entry = (change: object) => [{ ...db, ...change }];

describe("a Secret that the controller cannot write", () => {
  test.each<[string, unknown, RegExp, string?]>([
    [
      "a file that no object makes",
      entry({ data: [{ objectName: "missing", key: "b" }] }),
      /objectName "missing" is no file of objects/,
    ],
    ["an underscore", entry({ data: [{ objectName: "a_b", key: "b" }] }), /objectName "a_b" is not a name/],
    ["a file of a folder", entry({ data: [{ objectName: "dir/file", key: "b" }] }), /objectName "dir\/file" is not/],
    ["a key with an underscore", entry({ data: [{ objectName: "password", key: "a_b" }] }), /key "a_b" is not a name/],
    ["a key that no Secret has", entry({ data: [{ objectName: "password", key: "a/0" }] }), /key "a\/0" is not/],
    ["no data", entry({ data: [] }), /data: missing or not as the driver has it/],
    ["data that is null", entry({ data: null }), /data: missing/],
    ["no type", entry({ type: undefined }), /type: missing/],
    ["a blank key", entry({ data: [{ objectName: "password", key: " " }] }), /data\.0\.key: missing/],
    ["no name", entry({ secretName: "" }), /cannot write "secretObjects\[0\]":\n {2}secretName: missing/],
    ["a name that is none", entry({ secretName: "Db" }), /secretName is not the name of a Secret/],
    ["a label that is a number", entry({ labels: { a: 1 } }), /labels\.a: missing or not/],
    ["a long label", entry({ labels: { a: "b".repeat(63) } }), /label "a": key and value must be shorter than 63/],
    ["a long annotation", entry({ annotations: { a: "b".repeat(253) } }), /annotation "a": .* shorter than 253/],
    ["a label of the controller's", entry({ labels: { "secrets-store.sync.x-k8s.io": "" } }), /reserved for/],
    ["a type that is denied", entry({ type: "kubernetes.io/service-account-token" }), /policy denies the type/],
    ["a long type", entry({ type: "t".repeat(254) }), /type is longer than 253/],
    ["no map", ["db"], /the entry: missing/],
    ["a class with a mistake", [db], /the class itself would be refused/, `${password}\n- {objectName: a}`],
  ])(
    "for %s: the report says why, the others are written, and the exit code is 1",
    async (_, written, why, objects) => {
      const other = classOf([{ ...db, secretName: "other" }], { name: "other" });
      const { code, stderr, syncs } = await migrate([classOf(written, { ...(objects && { objects }) }), other]);
      expect(stderr).toMatch(/^shop\/web: secrets-store-sync-controller cannot write /m);
      expect(stderr).toMatch(why);
      expect(syncs).toMatchObject([{ metadata: { name: "other" } }]);
      expect(code).toBe(1);
    },
  );

  test("is the second of one name and namespace", async () => {
    const { code, stderr, syncs } = await migrate([classOf([db]), classOf([db], { name: "zoo" })]);
    expect(stderr).toMatch(/^shop\/zoo: .* cannot write db:\n {2}another entry of its namespace/m);
    expect({ code, amount: syncs.length }).toEqual({ code: 1, amount: 1 });
  });

  test("is one with something that JSON does not have", async () => {
    const text = `kind: SecretProviderClass
metadata: {name: web, namespace: shop}
spec: {provider: vault, parameters: {roleName: web, objects: "${password}"}, secretObjects: [{type: .inf}]}
`;
    expect((await migrate(text)).stderr).toContain("the entry: missing");
  });
});

test.each<[string, string, string]>([
  ["a lease", "login", "secretPath: database/creds/web"],
  [
    "a lease as a source of a template",
    "conf",
    'secretPath: secret/data/a, template: "{{ db.username }}", sources: {db: {secretPath: database/creds/web}}',
  ],
  ["what a PUT makes", "cert", "secretPath: pki/issue/web, method: PUT"],
])("with %s the SecretSync is written, and the report says what keymount must be told", async (_, name, fields) => {
  const { code, stderr, syncs } = await migrate([
    classOf([db], { objects: `${password}\n- {objectName: ${name}, ${fields}}` }),
  ]);
  expect({ code, amount: syncs.length }).toEqual({ code: 0, amount: 1 });
  expect(stderr).toMatch(
    /^shop\/web: made by the request, so keymount must know the controller's interval \(sidecar\.po/m,
  );
  expect(stderr).toContain(`2.2 times as long: "${name}"`);
});

test("without a SecretSync there is no file", async () => {
  const { code, stderr, written } = await migrate([classOf(undefined)]);
  expect({ code, written }).toEqual({ code: 0, written: {} });
  expect(stderr).toContain("SecretSyncs of secretObjects: 0 written (so there is no file), 0 impossible.");
});

test("without --secret-sync nothing is said of them", async () => {
  const { code, stderr, written } = await migrate([classOf(entry({ data: [] }))], []);
  expect({ code, written }).toEqual({ code: 0, written: {} });
  expect(stderr).not.toContain("SecretSync");
});

test("-o json has what could not be written", async () => {
  const { stdout, syncs } = await migrate([classOf([db, ...entry({ secretName: "Db" })])], [...asked, "-o", "json"]);
  expect(syncs).toHaveLength(1);
  expect(JSON.parse(stdout)).toMatchObject({
    secretSyncs: {
      amount: 1,
      refused: [{ namespace: "shop", name: "web", secret: "Db", reasons: ["secretName is not the name of a Secret"] }],
    },
  });
});

test.each<[string, string[], RegExp]>([
  ["no account", ["--secret-sync", "syncs.yaml"], /--secret-sync needs --service-account/],
  ["no file", ["--service-account", "web"], /--service-account needs --secret-sync/],
  ["one file for both", [...asked, "--write", "syncs.yaml"], /--write and --secret-sync name the same file/],
  ["no name", ["--secret-sync", "syncs.yaml", "--service-account", "Web"], /is not the name of a service account/],
])("%s is wrong usage", async (_, args, message) => {
  const { code, stderr, written } = await migrate([classOf([db])], args);
  expect({ code, written }).toEqual({ code: 2, written: {} });
  expect(stderr).toMatch(message);
});
