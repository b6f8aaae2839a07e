import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { overruledParameters, plainParameters, prefixedParameters } from "./class-parameters.js";
import { formats } from "./mount-spec.js";
import { objectFields } from "./object-fields.js";

const page = readFileSync(new URL("../../docs/parameters.md", import.meta.url), "utf8");

/** The names in the first column of the table below a heading. */
function table(heading: string): string[] {
  const section = page.split(`\n## ${heading}\n`)[1]!.split(/\n##+ /)[0]!;
  return [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name!).sort();
}

const withVault = (suffixes: readonly string[]) => suffixes.map((suffix) => `vault${suffix}`);

test.each<[string, readonly string[]]>([
  ["Parameters", [...plainParameters, ...withVault(prefixedParameters)]],
  ["Parameters that have no effect", withVault(overruledParameters)],
  ["Fields of an object", objectFields],
])("docs/parameters.md, %s: names all there are, and no others", (heading, names) => {
  expect(table(heading)).toEqual([...names].sort());
});

test("docs/parameters.md, Formats: has a row for each, in the order of the refusals, and no other", () => {
  const section = page.split("\n### Formats\n")[1]!.split("\n### ")[0]!;
  expect([...section.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, name]) => name)).toEqual([...formats]);
});
