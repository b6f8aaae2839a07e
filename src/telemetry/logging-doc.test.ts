import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { sourceFiles } from "../../dev/testing/source-files.js";
import { logKeys } from "./log-keys.js";

const page = readFileSync(new URL("../../docs/logging.md", import.meta.url), "utf8");
const code = sourceFiles()
  .filter(({ file }) => /^(daemon|cli|telemetry)\//.test(file))
  .map(({ text }) => text)
  .join("\n");

/** The rows of the table below a heading, as cells. */
function rows(heading: string): string[][] {
  const section = page.split(`\n## ${heading}\n`)[1]!.split("\n## ")[0]!;
  const lines = section.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("|---"));
  return lines.slice(1).map((line) =>
    line
      .split("|")
      .map((cell) => cell.trim())
      .slice(1, -1),
  );
}

const names = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);

test("docs/logging.md names every field, and no others", () => {
  expect(
    rows("Fields")
      .flatMap(([field]) => names(field!))
      .sort(),
  ).toEqual(Object.values(logKeys).sort());
});

test("the line that docs/logging.md shows has fields and a message of the tables", () => {
  const { level, time, msg, ...fields } = JSON.parse(/```json\n(.+)\n```/.exec(page)![1]!) as Record<string, unknown>;
  expect(time).toMatch(/^\d{4}-/);
  expect(rows("Lines").map(([of, message]) => [of, names(message!)[0]])).toContainEqual([level, msg]);
  expect(Object.values(logKeys)).toEqual(expect.arrayContaining(Object.keys(fields)));
});

test("docs/logging.md names every line and its level, and no others", () => {
  const written = [...code.matchAll(/\blog\.(trace|debug|info|warn|error|fatal)\((?:[^;]*?,\s*)?"([^"]+)",?\s*\);/gi)];
  const lines = new Set(written.map(([, level, message]) => `${level} ${message}`));
  expect(
    rows("Lines")
      .map(([level, message]) => `${level} ${names(message!)[0]}`)
      .sort(),
  ).toEqual([...lines].sort());
});

test.each(Object.keys(logKeys).filter((key) => !["error", "causes"].includes(key)))("the field %s is in use", (key) => {
  expect(code).toContain(`logKeys.${key}]`);
});
