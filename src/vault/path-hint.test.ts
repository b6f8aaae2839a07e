import { describe, expect, test } from "vitest";
import { type MountFinding, pathHint } from "./path-hint.js";
import type { MountDoubt } from "./vault-error.js";

const kv2 = (path: string): MountFinding => ({ found: "mount", path, kv: 2 });
const kv1 = (path: string): MountFinding => ({ found: "mount", path, kv: 1 });
const other = (path: string): MountFinding => ({ found: "mount", path });
const none: MountFinding = { found: "none" };
const unknown: MountFinding = { found: "unknown" };
const is2 = (mount: string, path: string) =>
  ` (${mount} is a KV version 2 engine, where data/ stands after the mount's name: ${path})`;
const lists2 = (mount: string, path: string) =>
  ` (${mount} is a KV version 2 engine, where LIST wants metadata/ after the mount's name: ${path})`;
const is1 = (mount: string, step: string, path: string) =>
  ` (${mount} is a KV version 1 engine, whose paths have no ${step}/: ${path})`;
const may = (todo: string, path: string) => ` (if it is in a KV version 2 engine, ${todo}: ${path})`;

describe("a hint", () => {
  test.each<[string, string, MountDoubt, MountFinding, string]>([
    ["GET", "team/kv/app/db", "any", kv2("team/kv"), is2("team/kv", "team/kv/data/app/db")],
    ["GET", "secret/app/keys", "any", kv2("secret"), is2("secret", "secret/data/app/keys")],
    ["GET", "secret/app/data/x", "any", kv2("secret"), is2("secret", "secret/data/app/data/x")],
    ["GET", "secret/creds/x", "any", kv2("secret"), is2("secret", "secret/data/creds/x")],
    ["GET", "secret/config", "any", kv2("secret"), is2("secret", "secret/data/config")],
    ["GET", "team/kv/app", "kv2", kv2("team/kv"), ": team/kv/data/app"],
    ["GET", "team/kv/app", "kv2", other("team/kv"), ": team/kv/data/app"],
    ["GET", "ns1/secret/app", "any", kv2("ns1/secret"), is2("ns1/secret", "ns1/secret/data/app")],
    ["GET", "k?v/a%b/c\\d", "any", kv2("k?v"), is2("k%3Fv", "k%3Fv/data/a%25b/c%5Cd")],
    ["GET", "v1/app", "any", kv2("v1"), is2("v1/v1", "v1/v1/data/app")],
    ["LIST", "secret/dir", "any", kv2("secret"), lists2("secret", "secret/metadata/dir")],
    ["LIST", "secret", "any", kv2("secret"), lists2("secret", "secret/metadata")],
    ["LIST", "team/kv/data/dir", "any", kv2("team/kv"), lists2("team/kv", "team/kv/metadata/dir")],
    ["LIST", "team/kv/dir", "kv2", kv2("team/kv"), ": team/kv/metadata/dir"],
    ["GET", "kv1/data/app", "any", kv1("kv1"), is1("kv1", "data", "kv1/app")],
    ["GET", "team/kv/data/a?b", "any", kv1("team/kv"), is1("team/kv", "data", "team/kv/a%3Fb")],
    ["LIST", "kv1/metadata/dir", "any", kv1("kv1"), is1("kv1", "metadata", "kv1/dir")],
    ["LIST", "kv1/metadata", "any", kv1("kv1"), is1("kv1", "metadata", "kv1")],
    [
      "GET",
      "other/data/secret/app",
      "any",
      none,
      " (the role's policies reach no mount at this path in the Vault namespace team/a; a Vault namespace at its beginning belongs in vaultNamespace, not in the path)",
    ],
    [
      "GET",
      "other/secret/data/app",
      "none",
      none,
      " (a Vault namespace at its beginning belongs in vaultNamespace, not in the path)",
    ],
    ["GET", "secret/app", "any", unknown, may("insert data/ after the mount's name", "secret/data/app")],
    [
      "GET",
      "team/kv/a?b",
      "any",
      unknown,
      may("insert data/ after the mount's name", "team/data/kv/a%3Fb, if the mount is team"),
    ],
    ["LIST", "secret/dir", "any", unknown, may("insert metadata/ after the mount's name", "secret/metadata/dir")],
    ["LIST", "team/kv/data/dir", "any", unknown, may("LIST wants metadata/ in place of data/", "team/kv/metadata/dir")],
    ["GET", "team/kv/app", "kv2", unknown, ": team/data/kv/app, if the mount is team"],
    ["GET", "secret/app", "kv2", unknown, ": secret/data/app"],
    ["GET", "secret/app", "kv2", none, ": secret/data/app"],
  ])("%s %s (%s), %o", (method, path, doubt, mount, hint) => {
    expect(pathHint({ method, path, vaultNamespace: "team/a" }, doubt, mount)).toBe(hint);
  });

  test.each<[string, string, MountFinding]>([
    ["GET", "secret/data/app", kv2("secret")],
    ["GET", "secret/metadata/app", kv2("secret")],
    ["GET", "secret/subkeys/app", kv2("secret")],
    ["GET", "team/kv", kv2("team/kv")],
    ["LIST", "secret/metadata/app", kv2("secret")],
    ["GET", "kv1/app", kv1("kv1")],
    ["GET", "kv1/data", kv1("kv1")],
    ["GET", "kv1/app/data/x", kv1("kv1")],
    ["GET", "kv1/metadata/x", kv1("kv1")],
    ["GET", "db/app", other("db")],
    ["GET", "db/data/app", other("db")],
    ["LIST", "pki/certs", other("pki")],
    ["GET", "db/creds/app", unknown],
    ["GET", "secret/data/app", unknown],
    ["GET", "secret/app/keys", unknown],
    ["LIST", "secret", unknown],
  ])("there is none for %s %s, %o", (method, path, mount) => {
    expect(pathHint({ method, path, vaultNamespace: "" }, "any", mount)).toBe("");
  });

  test("an empty Vault namespace is not named", () => {
    expect(pathHint({ method: "GET", path: "a/b/c", vaultNamespace: "" }, "any", none)).toMatch(
      /^ \(the role's policies reach no mount at this path; a Vault/,
    );
  });
});
