import { expect, test } from "vitest";
import { builtWorker } from "../../dev/testing/built-worker.js";
import { classRules } from "../../dev/testing/class-rules.js";
import { checkCommand } from "./check.js";

const command = checkCommand(await builtWorker());

test.each(classRules)("$what", async ({ manifest, refusedBy, says = "" }) => {
  let stdout = "";
  const io = {
    program: "keymount",
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: () => true },
    readFile: async () => JSON.stringify(manifest, null, 2),
  };
  const code = await command.run(["class.json"], io, new AbortController().signal);
  expect({ code, stdout }).toEqual({
    code: refusedBy ? 1 : 0,
    stdout: says === "" ? "" : (expect.stringContaining(says) as string),
  });
  expect(stdout.split("\n").length).toBeLessThanOrEqual(says === "" ? 1 : 3);
});
