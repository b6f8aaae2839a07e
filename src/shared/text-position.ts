/** A place in a file as editors count: both from 1. */
export interface TextPosition {
  line: number;
  column: number;
}

/** The line and column of an offset into a text, both in UTF-16 units. */
export function positionOf(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: offset - lineStart + 1 };
}

/** The offset of a place: the way back from `positionOf`. */
export function offsetOf(text: string, { line, column }: TextPosition): number {
  let start = 0;
  for (let at = 1; at < line; at += 1) start = text.indexOf("\n", start) + 1;
  return start + column - 1;
}
