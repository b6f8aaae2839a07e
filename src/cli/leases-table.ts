import type { CredentialInfo } from "../shared/credential-info.js";
import { escapeUnprintable } from "../shared/shown-text.js";

const columns = ["WHAT", "ENGINE", "CONNECTION", "PATH", "ROLE", "PODS", "STATE", "NEXT", "ENDS"] as const;

/** A table for people, what comes next first. */
export function leasesTable(credentials: readonly CredentialInfo[], wall: number): string {
  const inOrder = [...credentials].sort((a, b) => nextOf(a).at - nextOf(b).at);
  const rows = inOrder.map((one) => rowOf(one, wall).map(escapeUnprintable));
  const widths = columns.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd();
  return `${[line(columns), ...rows.map(line)].join("\n")}\n`;
}

function rowOf(one: CredentialInfo, wall: number): string[] {
  const { verb, at } = nextOf(one);
  return [
    one.kind,
    one.engine || "-",
    one.connection,
    one.path,
    one.role,
    podsOf(one),
    one.failures > 0 ? `${one.state} (failed ${one.failures}×)` : one.state,
    Number.isFinite(at) ? `${verb} ${timeUntil(at - wall)}` : "-",
    one.endsAt === undefined ? "never" : timeUntil(one.endsAt - wall),
  ];
}

function podsOf({ namespace, pods, volumes }: CredentialInfo): string {
  if (pods.length === 0) return volumes > 0 ? `${namespace}/(synced)` : "-";
  const shown = pods.slice(0, 3).map(({ namespace, name }) => `${namespace}/${name}`);
  return shown.join(",") + (pods.length > 3 ? ` and ${pods.length - 3} more` : "");
}

/** What happens to it next. */
function nextOf({ renewAt = Infinity, replaceAt = Infinity, endsAt = Infinity, state }: CredentialInfo): {
  verb: string;
  at: number;
} {
  if (state === "dead") return { verb: "replaced at the next Mount,", at: -Infinity };
  if (state === "replaced" || state === "leaving") return { verb: "ends", at: endsAt };
  if (renewAt < replaceAt) return { verb: "renewed", at: renewAt };
  if (replaceAt < Infinity) return { verb: "replaced from", at: replaceAt };
  return { verb: "ends", at: endsAt };
}

/** `in 1h5m`, `3m ago`: two units, as a person would say it. */
export function timeUntil(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000);
  const units: [number, string][] = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "m"],
    [1, "s"],
  ];
  const from = units.findIndex(([size]) => seconds >= size);
  let rest = seconds;
  const parts = (from < 0 ? [] : units.slice(from, from + 2)).map(([size, unit]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count > 0 ? `${count}${unit}` : "";
  });
  const text = parts.join("");
  if (text === "") return "now";
  return ms < 0 ? `${text} ago` : `in ${text}`;
}
