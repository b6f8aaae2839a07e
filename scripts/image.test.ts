import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./bundle.js";

const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");
const operations = readFileSync(join(root, "docs/operations.md"), "utf8");
const entrypoint = wordsOf(/^ENTRYPOINT (\[.*\])$/m);

function wordsOf(instruction: RegExp): string[] {
  return JSON.parse(instruction.exec(dockerfile)![1]!) as string[];
}

test("the bundle is compiled with the flags it runs with: V8 refuses code of others", () => {
  const compiledWith = wordsOf(/^RUN (\["node", "scripts\/compile\.js".*\])$/m).slice(2);
  expect(compiledWith.length).toBeGreaterThan(0);
  expect(entrypoint.slice(entrypoint.indexOf("node") + 1)).toEqual([...compiledWith, "/keymount/dist/keymount.js"]);
});

test("the image's process leaves no core dump when it is killed: neither in a file nor piped to a program", () => {
  expect(entrypoint.slice(0, 2)).toEqual(["prlimit", "--core=1"]);
});

test("docs/operations.md has each build argument with its default", () => {
  const section = /## The image\n([\s\S]*?)\n## /.exec(operations)![1]!;
  const rows = [...section.matchAll(/^\| `(\w+)` \| `([^`]+)` \|/gm)].map(([, name, value]) => [name, value]);
  const args = [...dockerfile.matchAll(/^ARG (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]);
  expect(rows).toEqual(args);
});
