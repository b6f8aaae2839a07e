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

/**
 * Where in a scalar's source the character at `offset` of its value stands, in every style: literal and folded
 * blocks, either quotes, or none. Exact for characters that are no blanks; both run side by side, and where they differ
 * the source has indentation, a fold or an escape.
 */
export function sourceOffset(source: string, value: string, offset: number): number {
  let at = /^[|>]/.test(source) ? source.indexOf("\n") + 1 : /^["']/.test(source) ? 1 : 0;
  for (let done = 0; done <= offset && at < source.length; done += 1) {
    const wanted = value[done];
    while (at < source.length && source[at] !== wanted && /\s/.test(source[at]!)) at += 1;
    while (source.startsWith("\\\n", at) && source[0] === '"') at += /^\\\n\s*/.exec(source.slice(at))![0].length;
    if (done === offset) return at;
    at += widthAt(source, at, wanted);
  }
  return Math.min(at, source.length);
}

/** How much of the source makes the value's next character: nothing for the blank or line break that a fold leaves. */
function widthAt(source: string, at: number, wanted: string | undefined): number {
  if (source[0] === '"' && source[at] === "\\") {
    return /^\\(x..|u....|U.{8}|.)/s.exec(source.slice(at, at + 10))?.[0].length ?? 1;
  }
  if (source[0] === "'" && source.startsWith("''", at)) return 2;
  return source[at] === wanted ? 1 : 0;
}
