import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { overruledParameters, plainParameters, prefixedParameters, readClass } from "./class-parameters.js";
import { formats } from "./mount-spec.js";
import { objectFields } from "./object-fields.js";
import { readObjects } from "./objects.js";

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

/** The cells of the rows below a heading: name, meaning, default, example. */
function cells(heading: string): [name: string, meaning: string, usual: string, example: string][] {
  const section = page.split(`\n## ${heading}\n`)[1]!.split(/\n##+ /)[0]!;
  return [...section.matchAll(/^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|/gm)].map(([, ...row]) => row as never);
}

const codeIn = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);

/** What an object needs beside a field. */
const beside: Record<string, Record<string, string>> = {
  secretArgs: { method: "PUT" },
  encoding: { secretKey: "a" },
  keys: { objectName: "app/" },
  rename: { objectName: "app/" },
  default: { secretKey: "a" },
  sources: { template: "x" },
  password: { format: "pkcs12" },
  alias: { format: "pkcs12", password: "{secretKey: b}" },
  encryption: { format: "pkcs12", password: "{secretKey: b}" },
};

/** The reading of an object with the field, or without it. */
function objectWith(field: string, value?: string) {
  const written = {
    objectName: "a",
    secretPath: "a/b",
    ...beside[field],
    ...(value !== undefined && { [field]: value }),
  };
  const entries = Object.entries(written).map(([name, text]) => `${name}: ${text}`);
  return readObjects(`- {${entries.join(", ")}}`, 60_000);
}

const fields = cells("Fields of an object");

test.each(fields.flatMap(([field, , , example]) => codeIn(example).map((value) => [field, value])))(
  "docs/parameters.md: the example of the field %s, %s, is good",
  (field, value) => {
    const { objects, findings } = objectWith(field, value);
    expect(findings.filter(({ level }) => level !== "warning")).toEqual([]);
    expect(objects).toHaveLength(1);
  },
);

test.each(
  fields
    // The mode is the driver's, which the request carries.
    .filter(([field, , usual]) => /^`[^`]+`$/.test(usual) && field !== "filePermission")
    .map(([field, , usual]) => [field, codeIn(usual)[0]!]),
)("docs/parameters.md: the field %s is %s where it is left out", (field, usual) => {
  expect(objectWith(field, usual)).toEqual(objectWith(field));
});

const ranges = [
  ...cells("Parameters").map((row) => ["parameter", ...row] as const),
  ...fields.map((row) => ["field", ...row] as const),
].flatMap(([kind, name, meaning]) => {
  const [, from, to] = /`(\w+)` to `(\w+)`/.exec(meaning) ?? [];
  return to === undefined ? [] : [[kind, name, from!, to] as const];
});

test.each(ranges)("docs/parameters.md: the %s %s is from %s to %s, and no other", (kind, name, from, to) => {
  const ofClass = (value: string) =>
    readClass(
      new Map(Object.entries({ roleName: "r", objects: "- {objectName: a, secretPath: b}", [name]: value })),
      1,
    );
  const mistakes = (value: string) => (kind === "field" ? objectWith(name, value) : ofClass(value)).findings;
  for (const good of [from, to]) expect(mistakes(good), good).toEqual([]);
  for (const bad of ["0.999s", `${to}1s`]) expect(mistakes(bad), bad).toHaveLength(1);
});
