import type { Migration } from "../migrate/migration.js";
import type { ClassReport } from "../migrate/class-report.js";
import type { SecretSyncs } from "../migrate/secret-sync.js";
import { named, quoted } from "../shared/quoted.js";
import type { CommandStream } from "./command-io.js";
import { painter } from "./paint.js";

/** The report for people: what would be refused first, then what behaves otherwise, then what is so for all. */
export function printReport(
  { reports, audiences, blockers, notes, skipped, secretSyncs }: Migration,
  stream: CommandStream,
): void {
  const paint = painter(stream);
  const of = (outcome: ClassReport["outcome"]) => reports.filter((report) => report.outcome === outcome);
  const lines = [
    ...(blockers.length > 0
      ? [paint("red", "Before the switch, or no pod gets its files:"), ...blockers.map((one) => `  ${one}`), ""]
      : []),
    ...of("refused").flatMap((one) => section(one, paint("red", "would be refused"))),
    ...of("different").flatMap((one) => section(one, paint("yellow", "would behave otherwise"))),
    ...of("same").flatMap((one) => section(one, paint("green", "works as it is"))),
    "",
    `${of("same").length} of ${reports.length} classes work as they are, ${of("different").length} with a difference, ${of("refused").length} not at all.`,
    ...onSkipped(skipped),
    ...(secretSyncs ? onSecretSyncs(secretSyncs) : []),
    "",
    "For all of them:",
    ...notes.map((note) => `  ${note}`),
    "  the CSIDriver secrets-store.csi.k8s.io must have",
    `    tokenRequests: [${audiences.map((audience) => `{audience: ${quoted(audience)}}`).join(", ")}]`,
  ];
  stream.write(`${lines.join("\n")}\n`);
}

function section({ namespace, name, reasons, notes }: ClassReport, title: string): string[] {
  const below = [...reasons, ...notes.map((note) => `note: ${note}`)];
  return [
    `${named(namespace)}/${named(name)} ${title}${below.length > 0 ? ":" : ""}`,
    ...below.map((line) => `  ${line}`),
  ];
}

function onSecretSyncs({ amount, refused, credentials }: SecretSyncs): string[] {
  return [
    "",
    `SecretSyncs of secretObjects: ${amount} written${amount === 0 ? " (so there is no file)" : ""}, ${refused.length} impossible.`,
    ...refused.flatMap(({ namespace, name, secret, reasons }) => [
      `${named(namespace)}/${named(name)}: secrets-store-sync-controller cannot write ${named(secret)}:`,
      ...reasons.map((reason) => `  ${reason}`),
    ]),
    ...credentials.map(
      ({ namespace, name, objects }) =>
        `${named(namespace)}/${named(name)}: made by the request, so keymount must know the controller's interval (sidecar.pollInterval), and they must live 2.2 times as long: ${objects.map(quoted).join(", ")}`,
    ),
  ];
}

function onSkipped(skipped: Migration["skipped"]): string[] {
  const counts = Object.entries(skipped).map(([provider, count]) => `${count} of ${named(provider)}`);
  return counts.length === 0 ? [] : [`Left out, for they are other providers' classes: ${counts.join(", ")}.`];
}
