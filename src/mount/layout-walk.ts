import { CST } from "yaml";
import { OpenBlocks } from "./open-blocks.js";

/** A mistake in how a text is laid out: the parser reports only what it makes of it, often elsewhere. */
export interface LayoutMistake {
  /** The parser's errors from here to `to` come of it. */
  from: number;
  to: number;
  offset: number;
  cause: "indentation" | "template";
  text: string;
}

export const unquotedTemplate = "has {{ … }} without quotes; put it in quotes";

/** What is a key if a colon follows. */
interface Item {
  offset: number;
  source: string;
  /** Where its line starts, less the dashes: there, or at its anchor or tag. */
  start: number;
  /** Of the start; absent behind `key:`. */
  column?: number;
  behindDash: boolean;
  /** Of the token before it. */
  before: number;
}

/**
 * Goes through a text by the parser's own tokens: texts, quotes and brackets end where they do for it. Gives the mistakes, of
 * which some are none: the parser takes what looks like them.
 */
export class LayoutWalk {
  readonly #text: string;
  #blocks = new OpenBlocks();
  /**
   * Nothing more is said of the document: after a mistake of indentation, of which the next ones may come, and after what
   * cannot be followed.
   */
  #lost = false;
  #offset = 0;
  #lineStart = 0;
  /** Of the last token that is no blank, break or comment. */
  #before = 0;
  /** Whether nothing but blanks and dashes stands before, in the line. */
  #starts = true;
  #behindDash = false;
  /** Of an anchor or a tag that starts the line. */
  #propertyStart: number | undefined;
  #item: Item | undefined;
  /** Of a block of text that follows. */
  #header: string | undefined;
  #brackets = 0;
  /** Whether the next token is a scalar, whatever it looks like. */
  #isText = false;
  /** Of the line that it was last looked for in. */
  #lineEnd = -1;

  constructor(text: string) {
    this.#text = text;
  }

  take(source: string): LayoutMistake | undefined {
    const type = this.#isText ? "text" : CST.tokenType(source);
    this.#isText = type === "scalar";
    if (type === "scalar" || type === "doc-mode") return undefined;
    if (type === "flow-error-end") return this.#bracketsEnd();
    const mistake = this.#brackets > 0 ? this.#inBrackets(type) : this.#inBlock(type, source);
    if (type !== "space" && type !== "newline" && type !== "comment") this.#before = this.#offset;
    const lastBreak = source.lastIndexOf("\n");
    if (lastBreak >= 0) this.#lineStart = this.#offset + lastBreak + 1;
    this.#offset += source.length;
    return mistake;
  }

  endLine(): LayoutMistake | undefined {
    const item = this.#item;
    this.#startLine();
    if (!item || item.column === undefined) return undefined;
    const { column, start, before } = item;
    const mistake = this.#misplaced(() => this.#blocks.line(column), start, before);
    this.#blocks.value();
    return mistake;
  }

  #startLine(): void {
    this.#starts = true;
    this.#behindDash = false;
    this.#propertyStart = undefined;
    this.#item = undefined;
  }

  #lose(): undefined {
    this.#lost = true;
    this.#brackets = 0;
  }

  #bracketsEnd(): LayoutMistake | undefined {
    const item = this.#item;
    this.#brackets = 0;
    if (!item) return this.#lose();
    const column = this.#offset - this.#lineStart;
    return this.#misplaced(() => this.#blocks.insideBracket(column, item.source), this.#offset, item.offset);
  }

  #inBrackets(type: string | null): LayoutMistake | undefined {
    if (type === "flow-map-end" || type === "flow-seq-end") this.#brackets -= 1;
    if (type !== "flow-map-start" && type !== "flow-seq-start") return undefined;
    this.#brackets += 1;
    const item = this.#item;
    if (type !== "flow-map-start" || item?.source !== "{" || item.offset !== this.#offset - 1) return undefined;
    // A line of a Helm template that is not rendered: it is not its author who places what is around.
    if (item.column !== undefined && !item.behindDash) return this.#lose();
    if (this.#lost) return undefined;
    const { offset } = item;
    return { from: offset, to: this.#endOfLine(), offset, cause: "template", text: unquotedTemplate };
  }

  /** Looked for once a line: a line of a mebibyte may have a hundred thousand of them. */
  #endOfLine(): number {
    if (this.#lineEnd < this.#offset) {
      const end = this.#text.indexOf("\n", this.#offset);
      this.#lineEnd = end < 0 ? this.#text.length : end;
    }
    return this.#lineEnd;
  }

  #inBlock(type: string | null, source: string): LayoutMistake | undefined {
    const column = this.#offset - this.#lineStart;
    switch (type) {
      case "space":
      case "comment":
      case "directive-line":
        return undefined;
      case "byte-order-mark":
        this.#lineStart = this.#offset + 1;
        return undefined;
      case "newline":
        return this.#header === undefined ? this.endLine() : undefined;
      case "doc-start":
      case "doc-end": {
        const mistake = this.endLine();
        this.#blocks = new OpenBlocks();
        this.#lost = false;
        this.#starts = false;
        return mistake;
      }
      case "anchor":
      case "tag":
        if (this.#starts) this.#propertyStart = this.#offset;
        this.#starts = false;
        return undefined;
      case "seq-item-ind":
        if (!this.#starts) return this.#lose();
        this.#behindDash = true;
        return this.#misplaced(() => this.#blocks.dash(column), this.#offset, this.#before);
      case "map-value-ind":
        return this.#key();
      case "block-scalar-header":
        this.#header = source;
        return undefined;
      case "flow-map-start":
      case "flow-seq-start":
        this.#brackets = 1;
        return this.#newItem(source);
      case "text":
        return this.#header === undefined ? this.#newItem(source) : this.#blockText(source, this.#header);
      case "alias":
      case "single-quoted-scalar":
      case "double-quoted-scalar":
        return this.#newItem(source);
      default:
        return this.#lose();
    }
  }

  #newItem(source: string): undefined {
    const start = this.#starts ? this.#offset : this.#propertyStart;
    this.#item = {
      offset: this.#offset,
      source,
      start: start ?? this.#offset,
      ...(start !== undefined && { column: start - this.#lineStart }),
      behindDash: this.#behindDash,
      before: this.#before,
    };
    if (start === undefined) this.#blocks.value();
    this.#starts = false;
    this.#propertyStart = undefined;
  }

  #key(): LayoutMistake | undefined {
    const item = this.#item;
    this.#item = undefined;
    if (!item) return this.#lose();
    const { source, start, column, behindDash } = item;
    const isQuoted = source.startsWith('"') || source.startsWith("'");
    if (source.includes("\n")) return isQuoted ? this.#lose() : this.#keyOfLines(item);
    const name = isQuoted ? source.slice(1, -1) : source;
    // Two on one line: the second is no key.
    if (column === undefined) return undefined;
    return this.#misplaced(() => this.#blocks.key(column, name, behindDash), start, item.before);
  }

  /** Lines that the parser takes for one key: the first is a value, or the line of which another one is missing. */
  #keyOfLines({ column: first, start, offset, source, behindDash, before }: Item): LayoutMistake | undefined {
    const lines = linesBelow(source);
    const dash = lines.find(({ at }) => source.startsWith("- ", at));
    const last = lines.at(-1)!;
    const mistake =
      (first !== undefined && this.#misplaced(() => this.#blocks.line(first), start, before)) ||
      (dash && this.#misplaced(() => this.#afterValue().dash(dash.column), offset + dash.at, offset)) ||
      // Behind a key, or beside what is indented as it is, where that lacks its colon.
      ((first === undefined || (behindDash && first !== last.column)) &&
        this.#misplaced(() => this.#afterValue().key(last.column, "", false), offset + last.at, offset));
    return mistake || this.#lose();
  }

  #afterValue(): OpenBlocks {
    this.#blocks.value();
    return this.#blocks;
  }

  #blockText(source: string, header: string): LayoutMistake | undefined {
    this.#header = undefined;
    this.#startLine();
    const { indentation, blank } = firstLineOf(source);
    const digit = [...header].find((one) => one >= "1" && one <= "9");
    this.#blocks.text(indentation, digit === undefined ? undefined : Number(digit));
    if (indentation === undefined || digit !== undefined || !blank || blank.column <= indentation) return undefined;
    const { column } = blank;
    const [offset, to] = [this.#offset + blank.at + indentation, this.#offset + source.length];
    return this.#misplaced(() => this.#blocks.blankLine(column), offset, this.#offset, to);
  }

  #misplaced(words: () => string | undefined, offset: number, from: number, to = offset): LayoutMistake | undefined {
    const text = this.#lost ? undefined : words();
    if (text === undefined) return undefined;
    this.#lost = true;
    return { from, to, offset, cause: "indentation", text };
  }
}

/** Where the lines of a text start after its first, less their indentation. */
function linesBelow(source: string): { at: number; column: number }[] {
  const lines = [];
  for (let end = source.indexOf("\n"); end >= 0; end = source.indexOf("\n", end + 1)) {
    let at = end + 1;
    while (source[at] === " " || source[at] === "\t") at += 1;
    lines.push({ at, column: at - end - 1 });
  }
  return lines;
}

/** The indentation of the first line of a block of text, and of the blank line above it that has most. */
function firstLineOf(source: string): { indentation?: number; blank?: { at: number; column: number } } {
  let blank: { at: number; column: number } | undefined;
  for (let start = 0; start < source.length; ) {
    let at = start;
    while (source[at] === " ") at += 1;
    const column = at - start;
    if (source.startsWith("\r\n", at)) at += 1;
    if (at >= source.length) break;
    if (source[at] !== "\n") return { indentation: column, ...(blank && { blank }) };
    if (column > (blank?.column ?? 0)) blank = { at: start, column };
    start = at + 1;
  }
  return {};
}
