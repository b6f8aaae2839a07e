import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { binaries } from "./fixture.js";

const workflows = join(import.meta.dirname, "..", "..", ".github", "workflows");

test.each(await readdir(workflows))("actionlint finds nothing wrong with %s", async (file) => {
  const { stdout } = await promisify(execFile)(binaries.actionlint, ["-no-color", join(workflows, file)]);
  expect(stdout).toBe("");
});
