import { describe, expect, test } from "vitest";
import { Redacted } from "../shared/redacted.js";
import type { MountedFile, ObjectSpec } from "./mount-spec.js";
import { objectVersion, steadyVersion } from "./object-version.js";
import { readObjects } from "./objects.js";

const key = new Redacted(Buffer.alloc(32, 7));

function file(path: string, contents: string, mode = 0o644): MountedFile {
  return { path, mode, contents: new Redacted(Buffer.from(contents)) };
}

// Versions of earlier releases: a change here rolls every workload that Reloader watches.
test.each<[string, MountedFile[], string]>([
  ["one file", [file("db/password", "s3cret")], "j29yOKO4BFJq2jzUwtapEYvzqedJ6WBp3PTAqjNLE8w"],
  ["an empty file", [file("a", "")], "IThzXvzhFzIdo0wg7V-fVv9LpI7N_1yKJGfrVWraBFQ"],
  ["two files", [file("a", "1"), file("b", "2")], "q1smDoTBNdS4OeG6EZ7VSP12JU44lh4-bq2tvmhsWeQ"],
])("the version of %s is as it ever was", (_name, files, golden) => {
  expect(objectVersion(key, files)).toBe(golden);
});

test.each<[string, MountedFile[]]>([
  ["a byte changes", [file("a", "2")]],
  ["the path changes", [file("b", "1")]],
  ["bytes move from path to contents", [file("", "a1")]],
])("another version when %s", (_name, files) => {
  expect(objectVersion(key, files)).not.toBe(objectVersion(key, [file("a", "1")]));
});

test("the same version when only the mode changes, which the driver does not apply either", () => {
  expect(objectVersion(key, [file("a", "1", 0o600)])).toBe(objectVersion(key, [file("a", "1", 0o644)]));
});

test("another version under another key", () => {
  expect(objectVersion(new Redacted(Buffer.alloc(32, 8)), [file("a", "1")])).not.toBe(
    objectVersion(key, [file("a", "1")]),
  );
});

describe("a steady version", () => {
  const entry = "objectName: a, secretPath: kv/a, secretKey: k";
  const objectOf = (fields: string): ObjectSpec => readObjects(`- {${fields}}`, 1_000).objects[0]!;
  const of = (fields: string) => steadyVersion(key, objectOf(fields));

  test("is as it ever was", () => {
    expect(of(entry)).toBe("620aukSgrxmqsfT7RirEWWOatyZsrjN-i-1SxNeXY-0");
  });

  test.each([
    ["how it becomes a file", `${entry}, filePermission: 0600`],
    ["how old its answer may be", `${entry}, refreshInterval: 9s`],
    ["what replaces what is missing", `${entry}, default: none`],
  ])("is the same whatever the class says of %s", (_what, fields) => {
    expect(of(fields)).toBe(of(entry));
  });

  test("is the same whatever secrets a recursive read finds", () => {
    const folder = objectOf("objectName: app/, secretPath: secret/data/shop/");
    const found = (...names: string[]) => {
      const secrets = new Map(names.map((name) => [name, { ...folder.request, path: `secret/data/shop/${name}` }]));
      return steadyVersion(key, { ...folder, recursive: { ...folder.recursive!, secrets } });
    };
    expect(folder.recursive).toBeDefined();
    expect(found("a", "b")).toBe(found("a"));
    expect(found()).toBe(steadyVersion(key, folder));
  });

  test.each([
    ["its name", "objectName: b, secretPath: kv/a, secretKey: k"],
    ["its path", "objectName: a, secretPath: kv/b, secretKey: k"],
    ["its method", `${entry}, method: PUT`],
    ["its arguments", `${entry}, method: PUT, secretArgs: {a: 1}`],
    ["a source of its template", "objectName: a, secretPath: kv/a, template: x, sources: {s: {secretPath: kv/s}}"],
  ])("is another with %s", (_what, fields) => {
    expect(of(fields)).not.toBe(of(entry));
  });

  test("is another under another key, and none of content", () => {
    expect(steadyVersion(new Redacted(Buffer.alloc(32, 8)), objectOf(entry))).not.toBe(of(entry));
    expect(objectVersion(key, [])).not.toBe(of(entry));
  });
});
