import type { Report } from "../doctor/round.js";
import { named } from "../shared/quoted.js";
import type { CommandStream } from "./command-io.js";

const titles = { passed: "passed", broken: "BROKEN", "not looked at": "-" } as const;
const indent = " ".repeat(23);

/** One step for a person, with a line break at its end. */
export function reportText(report: Report, { isTTY = false }: CommandStream): string {
  const paint = (code: number, text: string) => (isTTY ? `\u001b[${code}m${text}\u001b[0m` : text);
  const { step, result } = report;
  const [first = "", ...rest] = linesOf(report);
  const colour = { passed: 32, broken: 31, "not looked at": 2 }[result];
  const head = `${paint(colour, titles[result].padEnd(6))}  ${step.padEnd(13)}  ${first}`;
  return `${[head.trimEnd(), ...rest.map((line) => indent + line)].join("\n")}\n`;
}

function linesOf(report: Report): string[] {
  const before = report.subject === "" ? "" : `${placeOf(report)}: `;
  switch (report.result) {
    case "passed":
      return [before + report.facts.join("; "), ...report.warnings.map((warning) => `warning: ${warning}`)];
    case "broken":
      return [before + report.what, `what to do: ${report.fix}`, `who can: ${report.who}`];
    case "not looked at":
      return [`${before}not looked at: ${report.because}`];
  }
}

/** Names of objects and roles are their author's text. */
function placeOf({ step, subject }: Report): string {
  return step === "object" || step === "role" ? named(subject) : subject;
}

/** What it all comes to; the first break is what to begin with. */
export function conclusion(reports: readonly Report[]): string {
  const count = (result: Report["result"]) => reports.filter((report) => report.result === result).length;
  const counts = `${count("passed")} passed, ${count("broken")} broken, ${count("not looked at")} not looked at`;
  const first = reports.find((report) => report.result === "broken");
  if (!first) return `nothing is broken (${counts})\n`;
  const where = first.subject === "" ? first.step : `${first.step} ${placeOf(first)}`;
  return `${counts}; begin with ${where}, which ${first.who} can mend: ${first.fix}\n`;
}
