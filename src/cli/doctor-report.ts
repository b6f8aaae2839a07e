import type { Report } from "../doctor/check-runner.js";
import { named } from "../shared/quoted.js";
import { escapeUnprintable } from "../shared/shown-text.js";
import type { CommandStream } from "./command-io.js";
import { painter } from "./paint.js";

const titles = { passed: "passed", broken: "BROKEN", skipped: "-" } as const;
const styles = { passed: "green", broken: "red", skipped: "dim" } as const;
const indent = " ".repeat(23);

/** Writes steps for a person as they come; those in a row that were skipped for the same reason, in one line. */
export class ReportWriter {
  readonly #stream: CommandStream;
  #skipped: Extract<Report, { result: "skipped" }>[] = [];

  constructor(stream: CommandStream) {
    this.#stream = stream;
  }

  write(report: Report): void {
    const [first] = this.#skipped;
    const alike = report.result === "skipped" && first?.because === report.because;
    if (!alike) this.end();
    if (report.result === "skipped") this.#skipped.push(report);
    else this.#print(report.result, report.step, linesOf(report));
  }

  /** Nothing comes after. */
  end(): void {
    const skipped = this.#skipped.splice(0);
    const [first] = skipped;
    if (!first) return;
    const steps = [...new Set(skipped.map(({ step }) => step))];
    const locations = steps.length > 1 ? [] : skipped.map(locationOf).filter((location) => location !== "");
    const before = locations.length === 0 ? "" : `${locations.join(", ")}: `;
    this.#print("skipped", steps.join(", "), [`${before}skipped: ${first.because}`]);
  }

  #print(result: Report["result"], steps: string, [first = "", ...rest]: readonly string[]): void {
    const head = `${steps.padEnd(13)}  ${harmless(first)}`.trimEnd();
    const below = rest.map((line) => `${indent}${harmless(line)}\n`);
    this.#stream.write(`${this.#paint(result)}  ${head}\n${below.join("")}`);
  }

  #paint(result: Report["result"]): string {
    return painter(this.#stream)(styles[result], titles[result].padEnd(6));
  }
}

/** Names in a class, a token or a certificate are strangers' text: one line, and nothing that acts on a terminal. */
function harmless(text: string): string {
  return escapeUnprintable(text.replace(/[\r\n]/g, " "));
}

function linesOf(report: Exclude<Report, { result: "skipped" }>): string[] {
  const before = report.subject === "" ? "" : `${locationOf(report)}: `;
  switch (report.result) {
    case "passed":
      return [before + report.facts.join("; "), ...report.warnings.map((warning) => `warning: ${warning}`)];
    case "broken": {
      const [first = report.what, ...more] = report.each ?? [];
      return [before + first, ...more, `what to do: ${report.fix}`, `who can: ${report.who}`];
    }
  }
}

/** Names of objects and roles are their author's text. */
function locationOf({ step, subject }: Report): string {
  return step === "object" || step === "role" ? named(subject) : subject;
}

/** `incomplete`: nothing is broken in what was checked, and something was skipped. */
export function resultOf(reports: readonly Report[]): "passed" | "broken" | "incomplete" {
  const results = new Set(reports.map(({ result }) => result));
  if (results.has("broken")) return "broken";
  return results.has("skipped") ? "incomplete" : "passed";
}

/** What it all comes to; the first problem is what to begin with. */
export function conclusion(reports: readonly Report[]): string {
  const count = (result: Report["result"]) => reports.filter((report) => report.result === result).length;
  const counts = `${count("passed")} passed, ${count("broken")} broken, ${count("skipped")} skipped`;
  const first = reports.find((report) => report.result === "broken");
  if (first) {
    const where = first.subject === "" ? first.step : `${first.step} ${locationOf(first)}`;
    return `${counts}; begin with ${where}, which ${first.who} can fix: ${first.fix}\n`;
  }
  const skipped = reports.flatMap((report) => (report.result === "skipped" ? [report] : []));
  if (skipped.length === 0) return `nothing is broken (${counts})\n`;
  const steps = [...new Set(skipped.map(({ step }) => step))].join(", ");
  return `INCOMPLETE: nothing is broken in what was checked (${counts}); not checked: ${steps}\n`;
}
