import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { LockTerms } from "./lock-terms.js";

/** Terms of the lock `lock` beside `files`, and a file that is to have one. */
async function termsBeside(files: readonly string[]) {
  const directory = await temporaryDirectory();
  const socket = join(directory, ".socket");
  await Promise.all(files.map((name) => writeFile(join(directory, name), "another's")));
  await writeFile(socket, "ours");
  return {
    terms: new LockTerms(join(directory, "lock")),
    socket,
    listed: async () => (await readdir(directory)).filter((name) => name !== ".socket").sort(),
    textOf: (name: string) => readFile(join(directory, name), "utf8"),
  };
}

test.each([
  ["no file", [], 0],
  ["the lock itself", ["lock"], 0],
  ["one", ["lock", "lock.1"], 1],
  ["several, by number", ["lock.9", "lock.10", "lock.8"], 10],
  ["what is no term", ["lock.", "lock.0", "lock.01", "lock.x", "lock.1.2", "lock.1e3", "block.4", "lock.2"], 2],
])("the last term among %s", async (_what, files, last) => {
  const { terms } = await termsBeside(files);
  expect(await terms.last()).toBe(last);
});

test.each([
  { what: "the first", files: [], last: 0, left: ["lock.1"] },
  { what: "the next", files: ["lock", "lock.1"], last: 1, left: ["lock", "lock.2"] },
  { what: "the next, and older ones go", files: ["lock.3", "lock.4", "lock.x"], last: 4, left: ["lock.5", "lock.x"] },
])("$what is taken", async ({ files, last, left }) => {
  const { terms, socket, listed, textOf } = await termsBeside(files);
  expect(await terms.takeAfter(last, socket)).toBe(last + 1);
  expect(await listed()).toEqual(left);
  expect(await textOf(`lock.${last + 1}`)).toBe("ours");
});

test("what another took meanwhile stays the other's", async () => {
  const { terms, socket, listed, textOf } = await termsBeside(["lock.1", "lock.2"]);
  expect(await terms.takeAfter(1, socket)).toBeUndefined();
  expect(await listed()).toEqual(["lock.1", "lock.2"]);
  expect(await textOf("lock.2")).toBe("another's");
});

test("who was slow, and takes a term that had gone, gives it back", async () => {
  const { terms, socket, listed } = await termsBeside(["lock.4"]);
  expect(await terms.takeAfter(1, socket)).toBeUndefined();
  expect(await listed()).toEqual(["lock.4"]);
});

test("one that is given back has no socket any more, and is not taken again", async () => {
  const { terms, socket, listed, textOf } = await termsBeside(["lock"]);
  await terms.takeAfter(0, socket);
  await terms.giveBack(1, `${socket}-empty`);
  expect([await listed(), await textOf("lock.1")]).toEqual([["lock", "lock.1"], ""]);
  expect(await terms.takeAfter(0, socket)).toBeUndefined();
});
