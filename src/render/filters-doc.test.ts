import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { filters, removedFilters } from "./template-filters.js";

const page = readFileSync(new URL("../../docs/parameters.md", import.meta.url), "utf8");
const section = page.split("\n### Templates\n")[1]!;
const codeIn = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);

test("docs/parameters.md lists every filter of ours, and no other", () => {
  const rows = [...section.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, names]) => codeIn(names!));
  expect(rows.sort()).toEqual(Object.keys(filters).sort());
});

test("and every filter of Liquid's that there is not", () => {
  const sentence = /^Of Liquid's (.+) are not known/m.exec(section)![1]!;
  expect(codeIn(sentence).sort()).toEqual([...removedFilters].sort());
});
