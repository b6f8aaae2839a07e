import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { usualRules } from "../../dev/testing/test-credentials.js";
import { newTerm, renewalAt, renewed, replacementAt } from "../vault/term.js";

const docs = new URL("../../docs/", import.meta.url);
const read = (page: string) => readFileSync(new URL(page, docs), "utf8");
const page = read("leases.md");

describe("the page's references exist", () => {
  test.each([...page.matchAll(/\]\(([^)#]+)\)/g)].map(([, path]) => path!))("%s", (path) => {
    expect(existsSync(new URL(path, docs))).toBe(true);
  });

  test.each([...new Set(page.match(/keymount_\w+/g))])("%s", (metric) => {
    expect(read("metrics.md")).toContain(`| \`${metric}\` |`);
  });
});

test("headings that other pages link to exist", () => {
  const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title!.toLowerCase().replaceAll(" ", "-"));
  const pages = readdirSync(docs).filter((file) => file.endsWith(".md"));
  const wanted = pages.flatMap((other) =>
    [...read(other).matchAll(/leases\.md#([\w-]+)/g)].map(([, heading]) => heading!),
  );
  expect(wanted.length).toBeGreaterThan(1);
  for (const heading of wanted) expect(headings).toContain(heading);
});

test("every case has a proof", () => {
  const rows = page.split("\n").filter((line) => line.startsWith("| ") && line.split("|").length === 6);
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows.slice(1)) expect(row).toMatch(/\]\(\.\.\/(src|e2e)\/[^)]+\.test\.ts\)/);
});

describe("the figures are those of the code", () => {
  const hour = 3_600_000;
  const term = (draw: number) => newTerm({ requestedAt: 0, durationMs: 10 * hour, renewable: true }, usualRules, draw);

  test("renewed at 0.60 to 0.72 of a grant, asking for an hour at most", () => {
    expect(page).toContain("0.60 to 0.72");
    expect([renewalAt(term(0)), renewalAt(term(1))]).toEqual([6 * hour, 7.2 * hour]);
    expect(term(0).askMs).toBe(hour);
  });

  test("its end in sight below nine tenths of the requested grant", () => {
    expect(page).toContain("nine tenths");
    const after = (durationMs: number) => renewed(term(0), { requestedAt: 0, durationMs, renewable: true }).renewable;
    expect([after(0.91 * hour), after(0.89 * hour)]).toEqual([true, false]);
  });

  test("replaced within a lead of a fifth of the life at least, and half of it at most", () => {
    expect(page).toContain("at least a fifth of the life, at most half of it");
    const last = (ms: number) => newTerm({ requestedAt: 0, durationMs: ms, renewable: false }, usualRules, 0);
    const lead = 300_000;
    expect(replacementAt(last(10 * hour), lead)).toBe(8 * hour);
    expect(replacementAt(last(lead), lead)).toBe(lead / 2);
  });
});
