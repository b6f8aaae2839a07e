import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type CommandName, commandTable } from "./command-table.js";
import { type Definition, syntaxOf, textOf } from "./define-command.js";

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
const doc = read("docs/commands.md");
const commands = Object.entries(commandTable) as [CommandName, Definition][];

function sectionOf(name: string): string {
  return doc.split(`\n## keymount ${name}\n`)[1]!.split("\n## ")[0]!;
}

/** Cells of the rows below this head. */
function tableBelow(text: string, head: string): string[][] {
  const [, after = ""] = text.split(`\n| ${head} |\n`);
  return after
    .split("\n\n")[0]!
    .split("\n")
    .slice(1)
    .filter(Boolean)
    .map((row) => row.slice(2, -2).split(" | "));
}

const cell = (text: string) => text.trim().replaceAll("|", "\\|");

describe("docs/commands.md", () => {
  test("has every command, in order", () => {
    expect([...doc.matchAll(/^## keymount (\S+)$/gm)].map(([, name]) => name)).toEqual(commands.map(([name]) => name));
  });

  test.each(commands)("%s: usage, options, exit codes and JSON as help has them", (name, definition) => {
    const section = sectionOf(name);
    expect(section).toContain(`\`keymount ${name}${definition.usage && ` ${definition.usage}`}\``);
    expect(section).toContain(definition.summary);
    const options = Object.entries(definition.options).map(([option, it]) => [
      `\`${cell(syntaxOf(option, it))}\``,
      cell(textOf(it)),
    ]);
    expect(tableBelow(section, "option | meaning")).toEqual(options);
    const codes = Object.entries(definition.exits).map(([code, meaning]) => [code, meaning]);
    expect(tableBelow(section, "exit code | meaning")).toEqual(codes);
    if (definition.json) expect(section).toContain(`\`\`\`\n${definition.json}\n\`\`\``);
    else expect(section).not.toContain("```\n{");
  });
});

test("every command that reports takes -o and --json, and documents its JSON", () => {
  const reporting = commands
    .filter(([, { options }]) => "output" in options && "json" in options)
    .map(([name]) => name);
  expect(reporting).toEqual(["mount", "check", "migrate", "doctor", "leases", "revoke-all", "version"]);
  expect(commands.filter(([, { json }]) => json).map(([name]) => name)).toEqual(reporting);
});

test("README.md names every command", () => {
  const named = [...read("README.md").matchAll(/^\| `keymount ([a-z-]+)[^`]*` \|/gm)].map(([, name]) => name);
  expect(named.sort()).toEqual(commands.map(([name]) => name).sort());
});
