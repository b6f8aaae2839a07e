import { expect, test } from "vitest";
import type { Report } from "../doctor/check-runner.js";
import { conclusion, ReportWriter, resultOf } from "./doctor-report.js";

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

function written(reports: readonly Report[], colours = false): string[] {
  let text = "";
  const writer = new ReportWriter({ write: (more) => (text += more), colours });
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

test.each<[string, Report[], ReturnType<typeof resultOf>, string]>([
  ["nothing broken and nothing skipped", [passed([])], "passed", "nothing is broken (1 passed, 0 broken, 0 skipped)\n"],
  [
    "nothing broken, for it was not checked",
    [passed([]), skipped("login", "there is no token"), skipped("object", "needs login first", "a")],
    "incomplete",
    "INCOMPLETE: nothing is broken in what was checked (1 passed, 0 broken, 2 skipped); not checked: login, object\n",
  ],
])("%s", (_what, reports, result, text) => {
  expect(resultOf(reports)).toBe(result);
  expect(conclusion(reports)).toBe(text);
});
