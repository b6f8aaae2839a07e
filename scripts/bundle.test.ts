import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { bundle, bundleWorker, root } from "./bundle.js";

const run = promisify(execFile);
const { code } = await bundle();

async function inDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "km-bundle-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, "package.json"), '{"type": "module"}');
  return directory;
}

test("the bundle imports none of Node's modules whole, and compiles no schemas: both are slow to start", async () => {
  const directory = await inDirectory();
  expect(code).not.toMatch(/\bfrom\s*["'`]node:/);
  await writeFile(join(directory, "keymount.js"), code);
  await writeFile(join(directory, "keymount.yaml"), "connections: {default: {addresses: [https://vault.example]}}");
  await writeFile(
    join(directory, "count.cjs"),
    `let made = 0;
     globalThis.Function = new Proxy(Function, { construct: (target, args) => (made++, Reflect.construct(target, args)) });
     process.on("exit", () => process.stderr.write("functions made of text: " + made));`,
  );
  const serve = ["serve", "--check-config", "--config", join(directory, "keymount.yaml")];
  const { stderr } = await run(process.execPath, [
    "--require",
    join(directory, "count.cjs"),
    join(directory, "keymount.js"),
    ...serve,
  ]);
  expect(stderr).toMatch(/functions made of text: 0$/);
});

test("modules are wrapped in functions that V8 compiles with the file", () => {
  // An arrow in parentheses is what the bundler writes, and V8 compiles only when it is called.
  expect(code).not.toMatch(/=\w+\(\(\(/);
  expect(code.match(/=\w+\(\(function\(/g)?.length).toBeGreaterThan(400);
});

test("the bundle finds the worker beside it, and ends when that has", async () => {
  const directory = await inDirectory();
  await writeFile(join(directory, "keymount.js"), code);
  await writeFile(join(directory, "keymount-worker.js"), (await bundleWorker()).code);

  // An exit code other than 0, which Node gives to a program that waits for nothing, would be thrown.
  const { stderr } = await run(process.execPath, [
    join(directory, "keymount.js"),
    "check",
    join(root, "deploy/examples/templates.yaml"),
  ]);
  expect(stderr).toBe("1 class checked: no mistakes, no warnings\n");
});
