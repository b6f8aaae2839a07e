import { expect, test } from "vitest";
import type { Report } from "../doctor/check-runner.js";
import { conclusion, ReportWriter } from "./doctor-report.js";

const skipped = (step: Report["step"], because: string, subject = ""): Report => ({
  step,
  subject,
  result: "skipped",
  because,
  ms: 0,
});
const passed = (facts: string[], warnings: string[] = []): Report => ({
  step: "tls",
  subject: "https://v",
  result: "passed",
  facts,
  warnings,
  ms: 1,
});

function written(reports: readonly Report[], isTTY = false): string[] {
  let text = "";
  const writer = new ReportWriter({ write: (more) => (text += more), isTTY });
  for (const report of reports) writer.write(report);
  writer.end();
  return text.split("\n").slice(0, -1);
}

test("warnings stand below what was seen", () => {
  expect(written([passed(["TLSv1.3"], ["it ends soon"])])).toEqual([
    "passed  tls            https://v: TLSv1.3",
    "                       warning: it ends soon",
  ]);
});

test("steps in a row that were skipped for one reason are one line", () => {
  const reports = [
    skipped("tls", "needs tcp first", "https://v"),
    skipped("vault", "needs tcp first", "https://v"),
    skipped("object", "it issues", "a"),
    skipped("object", "it issues", "b"),
    skipped("logout", "needs login first"),
  ];
  expect(written(reports)).toEqual([
    "-       tls, vault     skipped: needs tcp first",
    "-       object         a, b: skipped: it issues",
    "-       logout         skipped: needs login first",
  ]);
});

test("colour is for terminals, and a stranger's text moves no cursor", () => {
  expect(written([passed(["\u001b[2J\nx\u202e"])], true)).toEqual([
    "\u001b[32mpassed\u001b[0m  tls            https://v: \\u001b[2J x\\u202e",
  ]);
});

test("with nothing broken it says so", () => {
  expect(conclusion([passed([]), skipped("object", "x", "a")])).toBe(
    "nothing is broken (1 passed, 0 broken, 1 skipped)\n",
  );
});
