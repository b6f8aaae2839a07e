import { cutText } from "../shared/shown-text.js";

/** Bytes of one text, and of all of a line's. */
const longestField = 8_192;
const longestLine = 16_384;
/** Bytes that a number, a name or an entry of a list takes, about. */
const entryBytes = 16;
const deepest = 4;

/** A line's fields, of which long texts and long lists are cut: no line is longer than what a reader of logs takes. */
export function boundedFields(fields: Record<string, unknown>): Record<string, unknown> {
  return bounded(fields, { bytes: longestLine }, deepest) as Record<string, unknown>;
}

function bounded(value: unknown, room: { bytes: number }, depth: number): unknown {
  room.bytes -= entryBytes;
  if (typeof value === "string") return boundedText(value, room);
  if (typeof value !== "object" || value === null || "toJSON" in value) return value;
  if (depth === 0) return "…";
  if (Array.isArray(value)) return boundedList(value, room, depth);
  const entries = Object.entries(value).map(([key, inner]) => [key, bounded(inner, room, depth - 1)] as const);
  return Object.fromEntries(entries);
}

/** What JSON escapes takes more room than the text has. */
function boundedText(text: string, room: { bytes: number }): string {
  const most = Math.max(entryBytes, Math.min(longestField, room.bytes));
  const cut = cutText(text, most);
  const written = Buffer.byteLength(JSON.stringify(cut));
  const fits = written <= most + 2 ? cut : cutText(cut, Math.max(entryBytes, Math.floor(most / 6)));
  room.bytes -= Buffer.byteLength(JSON.stringify(fits));
  return fits;
}

function boundedList(list: readonly unknown[], room: { bytes: number }, depth: number): unknown[] {
  const shown: unknown[] = [];
  for (const one of list) {
    if (room.bytes <= 0) return [...shown, `… and ${list.length - shown.length} more`];
    shown.push(bounded(one, room, depth - 1));
  }
  return shown;
}
