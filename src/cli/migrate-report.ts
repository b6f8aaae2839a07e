import type { Migration } from "../migrate/migration.js";
import type { ClassReport } from "../migrate/class-report.js";
import { named, quoted } from "../shared/quoted.js";
import type { CommandStream } from "./command-io.js";

/** The report for people: what would be refused first, then what behaves otherwise, then what is so for all. */
export function printReport({ reports, audiences, notes, skipped }: Migration, stream: CommandStream): void {
  const paint = (colour: number, text: string) => (stream.isTTY ? `\u001b[${colour}m${text}\u001b[0m` : text);
  const of = (outcome: ClassReport["outcome"]) => reports.filter((report) => report.outcome === outcome);
  const lines = [
    ...of("refused").flatMap((one) => section(one, paint(31, "would be refused"))),
    ...of("different").flatMap((one) => section(one, paint(33, "would behave otherwise"))),
    ...of("same").map(({ namespace, name }) => `${named(namespace)}/${named(name)} ${paint(32, "works as it is")}`),
    "",
    `${of("same").length} of ${reports.length} classes work as they are, ${of("different").length} with a difference, ${of("refused").length} not at all.`,
    ...onSkipped(skipped),
    "",
    "For all of them:",
    ...notes.map((note) => `  ${note}`),
    "  the CSIDriver secrets-store.csi.k8s.io must have",
    `    tokenRequests: [${audiences.map((audience) => `{audience: ${quoted(audience)}}`).join(", ")}]`,
  ];
  stream.write(`${lines.join("\n")}\n`);
}

function section({ namespace, name, reasons }: ClassReport, title: string): string[] {
  return [`${named(namespace)}/${named(name)} ${title}:`, ...reasons.map((reason) => `  ${reason}`)];
}

function onSkipped(skipped: Migration["skipped"]): string[] {
  const counts = Object.entries(skipped).map(([provider, count]) => `${count} of ${named(provider)}`);
  return counts.length === 0 ? [] : [`Left out, for they are other providers' classes: ${counts.join(", ")}.`];
}
