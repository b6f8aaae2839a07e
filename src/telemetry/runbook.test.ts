import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const page = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
const src = fileURLToPath(new URL("..", import.meta.url));

/** All that keymount can say: its code, with literals that are written in pieces put together. */
const code = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
  .map((path) => readFileSync(`${src}/${path}`, "utf8"))
  .join("\n")
  .replace(/["`] \+\s*["`]/g, "");

/** The cells of every table row under headings that have a column "message". */
const sayings = page
  .split("\n")
  .filter((line) => line.startsWith("| `") && line.split("|").length === 5)
  .flatMap((line) => line.split("|")[1]!.match(/`[^`]+`(?! \()/g) ?? [])
  .map((text) => text.slice(1, -1));

const others = ["provider not found: provider", "context deadline exceeded"];

test.each(sayings.filter((saying) => !others.includes(saying)))("keymount does say: %s", (saying) => {
  for (const piece of saying.split("…").map((piece) => piece.trim())) expect(code).toContain(piece);
});

test("the runbook has a row for every code of an error", () => {
  const errors = readFileSync(`${src}/shared/errors.ts`, "utf8");
  const codes = [
    ...errors
      .split("export type ErrorCode")[1]!
      .split(";")[0]!
      .matchAll(/\| "(\w+)"/g),
  ].map(([, name]) => name);
  const rows = [...page.split("## By code")[1]!.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(rows.sort()).toEqual(codes.sort());
});

test("what the runbook refers to is there", () => {
  const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\w ]/g, "")
      .replaceAll(" ", "-"),
  );
  const links = [...page.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor);
  expect(headings).toEqual(expect.arrayContaining(links));
});
