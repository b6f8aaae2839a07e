/** Characters that affect a terminal, a log viewer or the display of text: control and format characters, bidi marks, line separators. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The same but for line ends and tabs, which our own texts have. */
const unprintableInLines = /[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A text as it may be shown: each such character as JSON, Java and YAML escape it, so that in JSON it means the same. */
export function escapeUnprintable(text: string): string {
  return text.replace(unprintable, unicodeEscape);
}

/** The same of a text of several lines. */
export function escapeUnprintableInLines(text: string): string {
  return text.replace(unprintableInLines, unicodeEscape);
}

/** Characters as JSON, Java and YAML escape them, in UTF-16. */
export function unicodeEscape(characters: string): string {
  return characters.replace(/[^]/g, (unit) => escapedUnit(unit.charCodeAt(0)));
}

/** One UTF-16 unit likewise. */
export function escapedUnit(unit: number): string {
  return `\\u${(0x10000 + unit).toString(16).slice(1)}`;
}

const ellipsis = "…";

/** At most so many bytes of a text in UTF-8, with `…` for what is missing. It keeps nothing of a longer text in memory. */
export function cutText(text: string, mostBytes: number): string {
  // A character has one byte at least, so what is behind these cannot be shown.
  const bytes = Buffer.from(text.slice(0, mostBytes + 1));
  if (text.length <= mostBytes && bytes.length <= mostBytes) return text;
  const room = Math.max(0, mostBytes - Buffer.byteLength(ellipsis));
  return new TextDecoder().decode(bytes.subarray(0, room), { stream: true }) + ellipsis;
}
