import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { bundle, bundleWorker, root } from "./bundle.js";

const run = promisify(execFile);

test("the bundle finds the worker beside it, and ends when that has", async () => {
  const directory = await mkdtemp(join(tmpdir(), "km-bundle-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, "package.json"), '{"type": "module"}');
  await writeFile(join(directory, "keymount.js"), (await bundle()).code);
  await writeFile(join(directory, "keymount-worker.js"), (await bundleWorker()).code);

  // An exit code other than 0, which Node gives to a program that waits for nothing, would be thrown.
  const { stderr } = await run(process.execPath, [
    join(directory, "keymount.js"),
    "check",
    join(root, "deploy/examples/templates.yaml"),
  ]);
  expect(stderr).toBe("1 class checked: no mistakes, no warnings\n");
});
