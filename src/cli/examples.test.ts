import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { builtWorker } from "../../dev/testing/built-worker.js";
import { checkCommand } from "./check.js";

const worker = await builtWorker();
const deploy = new URL("../../deploy/", import.meta.url);
const files = ["examples", "quickstart"].flatMap((folder) =>
  readdirSync(new URL(`${folder}/`, deploy)).map((name) => `${folder}/${name}`),
);

test.each(files)("deploy/%s has no mistake and nothing to warn of", async (file) => {
  let said = "";
  const stream = { write: (text: string) => (said += text) };
  const io = {
    program: "keymount",
    stdout: stream,
    stderr: stream,
    readFile: async () => readFileSync(new URL(file, deploy), "utf8"),
  };
  expect(await checkCommand(worker).run([file], io, new AbortController().signal), said).toBe(0);
  expect(said).not.toContain("warning:");
});
