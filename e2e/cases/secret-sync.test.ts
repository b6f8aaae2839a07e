import { beforeAll, expect, inject, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { migrateOn } from "../../src/cli/migrate.js";
import type { NewFile } from "../../src/cli/write-new-files.js";
import { isSyncPath } from "../../src/migrate/secret-sync.js";
import { eventually } from "../stack/eventually.js";
import { KubeApi, KubeError, type KubeObject } from "../stack/kube-api.js";
import { secretSyncCrd } from "../stack/secret-sync-crd.js";

const api = new KubeApi(inject("stack").kubernetes);

beforeAll(async () => {
  await api.create(secretSyncCrd);
  await eventually(() => api.dryRun(syncOf("probe")), AbortSignal.timeout(30_000));
  return () => api.delete(secretSyncCrd);
});

function syncOf(sourcePath: string): KubeObject {
  const secretObject = { type: "Opaque", data: [{ sourcePath, targetKey: "key" }] };
  return {
    apiVersion: "secret-sync.x-k8s.io/v1alpha1",
    kind: "SecretSync",
    metadata: { name: "db" },
    spec: { secretProviderClassName: "web", serviceAccountName: "web", secretObject },
  };
}

/** The API server's verdict on what kubectl would apply. */
async function isTaken(object: KubeObject): Promise<boolean> {
  return api.dryRun(object).then(
    () => true,
    (error: unknown) => {
      if (error instanceof KubeError && error.status === 422) return false;
      throw error;
    },
  );
}

/** What `keymount migrate --secret-sync` writes for a class with these `secretObjects`. */
async function migrated(secretObjects: unknown): Promise<KubeObject[]> {
  const objects = ["password", "tls.crt", "tls.key", "db-user_1", "a", ".a-b"]
    .map((name) => `- {objectName: ${name}, secretPath: secret/data/web, secretKey: password}`)
    .join("\n");
  const spc = {
    apiVersion: "secrets-store.csi.x-k8s.io/v1",
    kind: "SecretProviderClass",
    metadata: { name: "web.prod", namespace: "default" },
    spec: { provider: "vault", parameters: { roleName: "web", objects }, secretObjects },
  };
  let file = "";
  const nowhere = { write: () => {} };
  const writeNewFiles = async (files: readonly NewFile[]) => void (file = files[0]!.text);
  await migrateOn({ writeNewFiles }).run(
    [
      "-f",
      "class",
      "--secret-sync",
      "syncs",
      "--service-account",
      "web.prod",
      "--vault-addr=https://vault.example:8200",
    ],
    { program: "keymount", stdout: nowhere, stderr: nowhere, readFile: async () => JSON.stringify(spc) },
    AbortSignal.timeout(10_000),
  );
  const documents = parseAllDocuments(file, { version: "1.1" }) as { toJS(): KubeObject | null }[];
  return documents.map((one) => one.toJS()).filter((one) => one !== null);
}

const data = [{ objectName: "password", key: "password" }];

test.each<[string, object]>([
  ["one of the commonest kind", { type: "Opaque", data }],
  [
    "a certificate, with labels and annotations",
    {
      type: "kubernetes.io/tls",
      labels: { "app.kubernetes.io/name": "web", empty: "", long: "l".repeat(62) },
      annotations: { note: "a: b\n---\n#c", long: "l".repeat(252) },
      data: ["tls.crt", "tls.key"].map((name) => ({ objectName: name, key: name })),
    },
  ],
  ["a key given twice", { type: "Opaque", data: [...data, { objectName: "a", key: "password" }] }],
  [
    "names at their limits",
    { type: "t".repeat(253), data: [".a-b", "db-user_1"].map((n) => ({ objectName: n, key: n })) },
  ],
  ["blanks around names", { type: " Opaque ", data: [{ objectName: " a ", key: " a " }] }],
])("a SecretSync of migrate is taken by the API server: %s", async (_, secret) => {
  const syncs = await migrated([{ secretName: "db", ...secret }]);
  expect(syncs).toHaveLength(1);
  expect(await isTaken(syncs[0]!)).toBe(true);
});

test.each<[string, object]>([
  ["a type that is longer", { type: "t".repeat(254), data }],
  ["a long label", { type: "Opaque", data, labels: { a: "l".repeat(63) } }],
  ["a long annotation", { type: "Opaque", data, annotations: { a: "l".repeat(253) } }],
  ["a label of the controller's", { type: "Opaque", data, labels: { "secrets-store.sync.x-k8s.io/a": "" } }],
])("what the API server refuses, migrate does not write: %s", async (_, secret) => {
  const { labels, annotations, type } = { labels: {}, annotations: {}, type: "Opaque", ...secret };
  const sync = syncOf("password");
  const written = { type, labels, annotations, data: [{ sourcePath: "password", targetKey: "password" }] };
  expect(await isTaken({ ...sync, spec: { ...(sync["spec"] as object), secretObject: written } })).toBe(false);
  expect(await migrated([{ secretName: "db", ...secret }])).toEqual([]);
});

test("the names that migrate allows are those of the API server", async () => {
  const parts = ["a", "1", "-", ".", "_", "/"];
  const longer = (names: string[]) => names.flatMap((name) => parts.map((part) => name + part));
  const three = longer(longer(parts));
  const names = [...parts, ...longer(parts), ...three, "a-b.c", "a--b", "a-_b", "ab._c", "tls.crt", "a-b/0/1", "ab-/0"];
  const verdicts = new Map<string, boolean>();
  for (let from = 0; from < names.length; from += 16) {
    const some = names.slice(from, from + 16);
    await Promise.all(some.map(async (name) => verdicts.set(name, await isTaken(syncOf(name)))));
  }
  expect([...verdicts].filter(([name, taken]) => taken !== isSyncPath(name))).toEqual([]);
}, 60_000);
