/**
 * The same text, in memory of its own. V8 makes a piece that is cut out of a string (`slice`, `split`, a match) a view of
 * the whole, so one word that is kept for hours keeps the document it came from.
 */
export function copied(text: string): string {
  return text.length < shortestView ? text : ` ${text}`.slice(1);
}

/** Shorter pieces are copied by V8 itself (SlicedString::kMinLength). */
const shortestView = 13;
