import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { builtWorker } from "../../dev/testing/built-worker.js";
import { checkCommand } from "./check.js";

const worker = await builtWorker();
const directory = new URL("../../deploy/examples/", import.meta.url);

test.each(readdirSync(directory))("the example %s has no mistake and nothing to warn of", async (file) => {
  let said = "";
  const stream = { write: (text: string) => (said += text) };
  const io = {
    program: "keymount",
    stdout: stream,
    stderr: stream,
    readFile: async () => readFileSync(new URL(file, directory), "utf8"),
  };
  expect(await checkCommand(worker).run([file], io, new AbortController().signal), said).toBe(0);
  expect(said).not.toContain("warning:");
});
