import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { writeNewFiles } from "./write-new-files.js";

test("writes all files", async () => {
  const folder = await temporaryDirectory();
  await writeNewFiles(["a", "b"].map((name) => ({ path: join(folder, name), text: `${name}\n` })));
  expect(await readFile(join(folder, "a"), "utf8")).toBe("a\n");
  expect(await readFile(join(folder, "b"), "utf8")).toBe("b\n");
});

test.each<[string, string, (folder: string) => string]>([
  ["there is", "there", () => "there is a file of that name already"],
  ["is a directory", "below", () => "there is a file of that name already"],
  ["is a link to nothing", "link", () => "there is a file of that name already"],
  ["has no directory", "none/x", (folder) => `there is no directory ${folder}/none`],
  ["has a file for its directory", "there/x", (folder) => `${folder}/there is a file`],
  ["is below a file", "there/x/y", (folder) => `a part of ${folder}/there/x is a file`],
  ["has too long a name", "n".repeat(300), () => "its name is too long"],
  ["is the other one", "new", () => "there is a file of that name already"],
])("writes none where one %s", async (_, name, why) => {
  const folder = await temporaryDirectory();
  await writeFile(join(folder, "there"), "kept");
  await mkdir(join(folder, "below"));
  await symlink("nowhere", join(folder, "link"));
  const before = await readdir(folder);
  const path = join(folder, name);
  for (const paths of [[join(folder, "new"), path], ...(name === "new" ? [] : [[path, join(folder, "new")]])]) {
    const written = writeNewFiles(paths.map((one) => ({ path: one, text: "x" })));
    await expect(written).rejects.toThrow(`cannot write ${path}: ${why(folder)}`);
    expect(await readdir(folder)).toEqual(before);
  }
  expect(await readFile(join(folder, "there"), "utf8")).toBe("kept");
});
