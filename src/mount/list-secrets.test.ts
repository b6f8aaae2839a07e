import { describe, expect, test } from "vitest";
import { sampleConnection } from "../../dev/testing/connection.js";
import { ProviderError } from "../shared/errors.js";
import type { Json } from "../shared/json.js";
import { Redacted } from "../shared/redacted.js";
import { listSecrets } from "./list-secrets.js";
import { readObjects } from "./objects.js";

const account = { connection: sampleConnection(), pod: { namespace: "shop", serviceAccount: "web" } };

/** The paths that a recursive read of `kv/data/shop/` comes to; `folders` is what each LIST answers, by its path. */
async function listed(folders: Record<string, Json | ProviderError>, written = "kv/data/shop/") {
  const [object] = readObjects(`- {objectName: app/, secretPath: ${written}}`, 1).objects;
  const { recursive } = await listSecrets(object!, object!.recursive!, account, async ({ method, path }) => {
    expect(method).toBe("LIST");
    const keys = folders[path] ?? new ProviderError("not_found", `nothing at ${path}`);
    if (keys instanceof ProviderError) throw keys;
    return { body: new Redacted({ data: { keys } }) };
  });
  return [...recursive!.secrets!].map(([name, { path }]) => `${name}: ${path}`);
}

test.each([
  ["kv/data/shop/", "kv/metadata/shop", "kv/data/shop/db"],
  ["/v1/kv/data/shop//", "kv/metadata/shop", "kv/data/shop/db"],
  ["kv/data/", "kv/metadata", "kv/data/db"],
  ["team/kv/data/a/data/", "team/kv/metadata/a/data", "team/kv/data/a/data/db"],
  ["data/data/shop/", "data/metadata/shop", "data/data/shop/db"],
  ["kv/metadata/shop/", "kv/metadata/shop", "kv/data/shop/db"],
  ["kv/shop/", "kv/shop", "kv/shop/db"],
  ["kv/", "kv", "kv/db"],
])("%s is listed at %s, and its secrets are at %s", async (written, list, secret) => {
  expect(await listed({ [list]: ["db"] }, written)).toEqual([`db: ${secret}`]);
});

test("folders are listed level by level, in an order of their own; one that is gone by then is empty", async () => {
  const folders = {
    "kv/metadata/shop": ["web", "team/", "gone/", "db"],
    "kv/metadata/shop/team": ["a/", "db", "%41 ?#é"],
    "kv/metadata/shop/team/a": ["deep"],
  };
  expect(await listed(folders)).toEqual([
    "db: kv/data/shop/db",
    "web: kv/data/shop/web",
    "team/%41 ?#é: kv/data/shop/team/%41 ?#é",
    "team/db: kv/data/shop/team/db",
    "team/a/deep: kv/data/shop/team/a/deep",
  ]);
});

describe("is refused", () => {
  const many = (count: number, end = "") => Array.from({ length: count }, (_, index) => `s${index}${end}`);
  const deep = { "kv/metadata/shop": ["a/"], "kv/metadata/shop/a": ["b/"], "kv/metadata/shop/a/b": ["c/"] };

  test.each<[string, Record<string, Json>, string]>([
    ["too many secrets", { "kv/metadata/shop": many(101) }, `below "kv/data/shop" there is more than 100 secrets`],
    ["too many folders", { "kv/metadata/shop": many(100, "/") }, "more than 100 folders"],
    ["too deep a folder", deep, `a folder below 3 levels, "a/b/c/"`],
    ["an answer without names", { "kv/metadata/shop": { a: "b" } }, "LIST of kv/metadata/shop answers without names"],
    ["names that are none", { "kv/metadata/shop": ["a/b"] }, "answers without names"],
    ["an empty name", { "kv/metadata/shop": [""] }, "answers without names"],
    ["a name that leads elsewhere", { "kv/metadata/shop": [".."] }, `".." below "kv/data/shop" cannot be read`],
    ["one that hides it", { "kv/metadata/shop": ["%2e%2e"] }, "cannot be read: its path holds a doubly encoded dot"],
    ["a folder that leads elsewhere", { "kv/metadata/shop": ["../"] }, "cannot be read"],
    ["a line break", { "kv/metadata/shop": ["a\nb"] }, `"a\\nb" below`],
  ])("%s", async (_what, folders, says) => {
    await expect(listed(folders)).rejects.toThrow(says);
  });

  test("not as many as are read", async () => {
    expect(await listed({ "kv/metadata/shop": many(100) })).toHaveLength(100);
  });
});
