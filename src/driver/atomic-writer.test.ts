import { lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import type { File } from "../wire/provider.js";
import { writePayloads } from "./atomic-writer.js";

const never = new AbortController().signal;
const clock = new FakeClock(Date.parse("2026-02-03T04:05:06Z"));

const file = (path: string, contents = path, mode = 0o644): File => ({ path, mode, contents: Buffer.from(contents) });
const write = (directory: string, ...files: File[]) => writePayloads(directory, files, clock, never);

/** What a pod sees: each file with its contents. */
async function seen(directory: string): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for (const name of await readdir(directory)) {
    if (name.startsWith("..")) continue;
    if (!(await stat(join(directory, name))).isDirectory()) tree[name] = await readFile(join(directory, name), "utf8");
    else for (const [path, text] of Object.entries(await seen(join(directory, name)))) tree[`${name}/${path}`] = text;
  }
  return tree;
}

const modeOf = async (path: string) => (await stat(path)).mode & 0o7777;

test("lays files out as links into a timestamped directory", async () => {
  const volume = await temporaryDirectory();
  expect(await write(volume, file("a"), file("tls/key"), file("tls/crt"))).toBe(true);
  const data = await readlink(join(volume, "..data"));
  expect(data).toMatch(/^\.\.2026_02_03_04_05_06\.\w+$/);
  expect((await readdir(volume)).sort()).toEqual(["..data", data, "a", "tls"].sort());
  expect(await readlink(join(volume, "a"))).toBe("..data/a");
  expect(await readlink(join(volume, "tls"))).toBe("..data/tls");
  expect(await modeOf(join(volume, data))).toBe(0o755);
  expect(await seen(volume)).toEqual({ a: "a", "tls/key": "tls/key", "tls/crt": "tls/crt" });
});

test.each([
  [0o644, 0o644],
  [0o600, 0o600],
  [0o666, 0o666],
  [0o400, 0o400],
  [0, 0],
  [0o4755, 0o755],
  [0o100644, 0o644],
  [-1, 0o7777],
])("mode %o becomes %o under any umask", async (mode, expected) => {
  const volume = await temporaryDirectory();
  await write(volume, file("a", "x", mode));
  expect(await modeOf(join(volume, "a"))).toBe(expected);
});

describe("a second write", () => {
  test("of equal contents writes nothing, not even another mode", async () => {
    const volume = await temporaryDirectory();
    await write(volume, file("a"), file("b/c"));
    const before = await readlink(join(volume, "..data"));
    expect(await write(volume, file("b/c"), file("a", "a", 0o600))).toBe(false);
    expect(await readlink(join(volume, "..data"))).toBe(before);
    expect(await modeOf(join(volume, "a"))).toBe(0o644);
  });

  test.each<[string, File[], Record<string, string>]>([
    ["changes a file", [file("a", "new"), file("d/e"), file("d/f")], { a: "new", "d/e": "d/e", "d/f": "d/f" }],
    ["adds a file", [file("a"), file("d/e"), file("d/f"), file("g")], { a: "a", "d/e": "d/e", "d/f": "d/f", g: "g" }],
    ["removes a file", [file("d/e"), file("d/f")], { "d/e": "d/e", "d/f": "d/f" }],
    ["removes a file below a directory", [file("a"), file("d/e")], { a: "a", "d/e": "d/e" }],
    ["removes a directory", [file("a")], { a: "a" }],
  ])("%s, and leaves one data directory", async (_what, files, expected) => {
    const volume = await temporaryDirectory();
    await write(volume, file("a"), file("d/e"), file("d/f"));
    const before = await readlink(join(volume, "..data"));
    expect(await write(volume, ...files)).toBe(true);
    expect(await seen(volume)).toEqual(expected);
    const after = await readlink(join(volume, "..data"));
    expect(after).not.toBe(before);
    expect((await readdir(volume)).filter((name) => name.startsWith(".."))).toEqual(["..data", after].sort());
  });

  test.each([
    ["a file becomes a directory", "a", "a/b", "ENOTDIR"],
    ["a directory becomes a file", "a/b", "a", "EISDIR"],
  ])("fails as the driver's may where %s", async (_what, before, after, code) => {
    const volume = await temporaryDirectory();
    await write(volume, file(before));
    await expect(write(volume, file("0"), file(after))).rejects.toMatchObject({ code });
    expect(await seen(volume)).toEqual({ [before]: before });
  });
});

test("a file that is also a directory leaves nothing behind", async () => {
  const volume = await temporaryDirectory();
  await write(volume, file("old"));
  const before = (await readdir(volume)).sort();
  await expect(write(volume, file("a"), file("a/b"))).rejects.toMatchObject({ code: "EEXIST" });
  expect((await readdir(volume)).sort()).toEqual(before);
});

test("the last of two files with one path wins", async () => {
  const volume = await temporaryDirectory();
  await write(volume, file("a", "first"), file("a", "last"));
  expect(await seen(volume)).toEqual({ a: "last" });
});

test("an older provider's own files make way for links", async () => {
  const volume = await temporaryDirectory();
  await mkdir(join(volume, "d"));
  await writeFile(join(volume, "d", "x"), "old");
  await writeFile(join(volume, "a"), "old");
  await write(volume, file("a", "new"), file("d/x", "new"));
  expect((await lstat(join(volume, "a"))).isSymbolicLink()).toBe(true);
  expect(await seen(volume)).toEqual({ a: "new", "d/x": "new" });
});

test("a killed writer's half is no obstacle", async () => {
  const volume = await temporaryDirectory();
  await symlink("..gone", join(volume, "..data_tmp"));
  await symlink("..gone", join(volume, "..data"));
  await write(volume, file("a"));
  expect(await seen(volume)).toEqual({ a: "a" });
});

test("an aborted write shows what was there before", async () => {
  const volume = await temporaryDirectory();
  await write(volume, file("a", "old"));
  const before = (await readdir(volume)).sort();
  const reason = new Error("enough");
  await expect(writePayloads(volume, [file("a", "new")], clock, AbortSignal.abort(reason))).rejects.toBe(reason);
  expect((await readdir(volume)).sort()).toEqual(before);
  expect(await seen(volume)).toEqual({ a: "old" });
});

test("a directory that is not there is not made", async () => {
  const volume = await temporaryDirectory();
  await expect(write(join(volume, "missing"), file("a"))).rejects.toMatchObject({ code: "ENOENT" });
});

describe("refuses before it touches anything", () => {
  test.each([
    ["an empty path", "", "empty"],
    ["an absolute path", "/a", "absolute"],
    ["a step up", "a/../b", 'element ".."'],
    ["a step up alone", "..", 'element ".."'],
    ["a name of the writer's own", "..data", 'starts with ".."'],
    ["another name of the writer's own", "..x/y", 'starts with ".."'],
    ["two slashes", "a//b", "shortest form"],
    ["a dot", "./a", "shortest form"],
    ["the volume itself", ".", "shortest form"],
    ["a slash at the end", "a/", "shortest form"],
    ["a long name", "é".repeat(128), "longer than 255 bytes"],
    ["a long path", "a/".repeat(2048) + "a", "longer than 4096 bytes"],
  ])("%s", async (_what, path, fault) => {
    const volume = await temporaryDirectory();
    await write(volume, file("kept"));
    await expect(write(volume, file("new"), file(path))).rejects.toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining(fault) as string,
    });
    expect(await seen(volume)).toEqual({ kept: "kept" });
  });
});

test.each(["a/..b", ".env", "a b", "a\\b", "é/ü", "x".repeat(255)])("writes %j", async (path) => {
  const volume = await temporaryDirectory();
  await write(volume, file(path, "x"));
  expect(await seen(volume).then((tree) => tree[path] ?? readFile(join(volume, path), "utf8"))).toBe("x");
});
