import type { z } from "zod";
import { quoted } from "../shared/quoted.js";
import { nearest } from "../shared/spelling.js";
import { operatorFile, wordsForIssue } from "./configuration-file.js";
import type { Given } from "./options.js";
import { connectionsOf, type Data, defaultName } from "./overlay.js";
import type { Path } from "./yaml-source.js";

/** A setting, and what is wrong with it: the value that was found first, where it may be shown. */
export interface SettingIssue {
  path: Path;
  message: string;
}

/** What the schema makes of data; `undefined` with every setting that is wrong by itself. A file without connections is right. */
export function validateData(data: Data): { given: Given | undefined; issues: SettingIssue[] } {
  const name = defaultName(data);
  const parsed = operatorFile.safeParse(data, { error: wordsForIssue, reportInput: true });
  const issues = (parsed.error?.issues ?? []).flatMap((issue) => issuesOf(issue, []));
  const names = Object.keys(connectionsOf(data));
  if (names.length > 0 && !names.includes(name)) {
    const near = nearest(name, names);
    const message =
      "default" in data
        ? `${quoted(name)} is not one of the connections (${names.join(", ")})${near ? `; did you mean ${near}?` : ""}`
        : `is missing; name the one that is meant by classes that name none (${names.join(", ")})`;
    issues.push({ path: ["default"], message });
  }
  return { given: parsed.success && issues.length === 0 ? { ...parsed.data, default: name } : undefined, issues };
}

/** Of the ways in which a value may be written, those of the one that was meant: it has the value's kind. */
function issuesOf(issue: z.core.$ZodIssue, above: Path): SettingIssue[] {
  const path = [...above, ...issue.path];
  const meant = issue.code === "invalid_union" ? issue.errors.find((ways) => ways.every(isWithin)) : undefined;
  return meant
    ? meant.flatMap((inner) => issuesOf(inner, path))
    : [{ path, message: withFound(issue.message, issue.input, path) }];
}

function isWithin({ code, path }: z.core.$ZodIssue): boolean {
  return path.length > 0 || code !== "invalid_type";
}

/** Addresses may hold a password, and what was meant to be a file's or a Secret's name the key itself. */
const mayHoldSecrets = /^(keyFile|keySecret|connections\.[^.]+\.((addresses|aliases)(\.\d+)?|tls\.\w+File))$/;

function withFound(message: string, found: unknown, path: Path): string {
  if (found === null) return "is empty; give it a value or leave it out";
  if (/^(is (missing|empty|not a (setting|connection's name))|holds a line break)/.test(message)) return message;
  if (typeof found === "object") return message.startsWith("must be ") ? `${message}, not ${kindOf(found)}` : message;
  if (typeof found === "number" || typeof found === "boolean") return `${found} ${message}`;
  if (typeof found !== "string") return message;
  return mayHoldSecrets.test(path.map(String).join(".")) ? message : `${quoted(found)} ${message}`;
}

function kindOf(found: object): string {
  return Array.isArray(found) ? "a list" : "a map";
}
