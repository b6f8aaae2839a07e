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
