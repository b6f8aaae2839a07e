import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { builtWorker } from "../../dev/testing/built-worker.js";
import { checkCommand } from "./check.js";

const worker = await builtWorker();
const deploy = new URL("../../deploy/", import.meta.url);
const files = ["examples", "quickstart"].flatMap((folder) =>
  readdirSync(new URL(`${folder}/`, deploy)).map((name) => `${folder}/${name}`),
);

/** What `keymount check` says of a file, and its exit code. */
async function check(file: string, text: string): Promise<{ code: number; said: string }> {
  let said = "";
  const stream = { write: (part: string) => (said += part) };
  const io = { program: "keymount", stdout: stream, stderr: stream, readFile: async () => text };
  return { code: await checkCommand(worker).run([file], io, new AbortController().signal), said };
}

test.each(files)("deploy/%s has no mistake and nothing to warn of", async (file) => {
  const { code, said } = await check(file, readFileSync(new URL(file, deploy), "utf8"));
  expect(code, said).toBe(0);
  expect(said).not.toContain("warning:");
});

const indented = (text: string, by: string) => text.replaceAll(/^(?=.)/gm, by);
const head = `apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata: {name: page}\nspec:\n  provider: vault\n`;

/** A block of a page as the file that it is a part of; `undefined` for what `keymount check` does not read. */
function wholeFile(block: string): string | undefined {
  if (/^(kind: SecretProviderClass|connections:)$/m.test(block)) return block;
  if (block.startsWith("parameters:"))
    return head + indented(block.replace("parameters:\n", "parameters:\n  roleName: page\n"), "  ");
  const objects =
    block.startsWith("- {objectName") || block.startsWith("- objectName")
      ? `objects: |\n${indented(block, "  ")}`
      : block;
  return objects.startsWith("objects:")
    ? `${head}  parameters:\n    roleName: page\n${indented(objects, "    ")}`
    : undefined;
}

const docs = new URL("../../docs/", import.meta.url);
const blocks = readdirSync(docs)
  .filter((name) => name.endsWith(".md"))
  .flatMap((name) =>
    [...readFileSync(new URL(name, docs), "utf8").matchAll(/```yaml\n([\s\S]*?)```/g)].flatMap(([, block]) => {
      const text = wholeFile(block!);
      return text === undefined ? [] : [[name, block!.split("\n").slice(0, 3).join(" "), text] as const];
    }),
  );

test("the pages have examples", () => expect(blocks.length).toBeGreaterThan(18));

/** Of what `keymount check` warns in an example of a page that says why it stands there. */
const meant: Record<string, RegExp> = { "parameters.md": /"\.pgpass": filePermission 0400 lets only root read/ };

test.each(blocks)("docs/%s: the example %s has no mistake, and nothing to warn of", async (page, _start, text) => {
  const { code, said } = await check("example.yaml", text);
  expect(code, said).toBe(0);
  expect(said).toContain("checked: no mistakes");
  const warnings = said.split("\n").filter((line) => line.includes("warning:"));
  expect(warnings.filter((line) => !meant[page]?.test(line))).toEqual([]);
  expect(said).not.toContain("no classes checked");
});
