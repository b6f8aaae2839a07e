import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { readPrepared } from "../prepared.js";
import { emulated } from "../stack/arm64.js";

const run = promisify(execFile);
const bundle = join(import.meta.dirname, "../../dist/keymount.js");
const [command, ...args] = emulated(readPrepared().arm64Node);

test("on arm64 the bundle runs its demo: mounts, rotates, renews and revokes", { timeout: 240_000 }, async () => {
  const { stdout: machine } = await run(command, [...args, "-p", "process.arch"]);
  expect(machine).toBe("arm64\n");
  const { stdout } = await run(command, [...args, bundle, "dev", "--demo"]);
  expect(stdout).toContain("served stale, from the cache: db/username");
  expect(stdout).toContain("0 database users left");
  expect(stdout).toContain("That was the demo.");
});
