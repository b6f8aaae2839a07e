import { named } from "../shared/quoted.js";

/** A map, a list or a text (`|`, `>`) that a line may continue. */
interface Block {
  kind: "map" | "list" | "text";
  column: number;
  /** Fields or entries so far. */
  count: number;
  /** Of the key whose value it is. */
  name?: string;
  /** Whether it is an entry of a list. */
  isEntry?: boolean;
  /** Whether its first field stands behind the dash. */
  behindDash?: boolean;
  /** Whether it has no line yet: `column` is the least that its first may have. */
  isEmpty?: boolean;
}

/**
 * What is open above a line, by columns: a line is a mistake of indentation where it continues none of it. Columns start at
 * 0, and so are the spaces before. The words that are given are for such a mistake.
 */
export class OpenBlocks {
  readonly #open: Block[] = [];
  /** Whether what comes next may be indented more: at the start, after `key:` and after a dash. */
  #opens = true;
  #name: string | undefined;

  key(column: number, name: string, behindDash: boolean): string | undefined {
    const left = this.#leave(column);
    // A list may stand at the column of its key.
    const below = this.#open.at(-2);
    if (this.#isTop("list", column) && below?.kind === "map" && below.column === column) this.#open.pop();
    if (!this.#continues("map", column, left, { behindDash })) return this.#misplaced("map", column, left);
    this.#opens = true;
    this.#name = name;
    return undefined;
  }

  dash(column: number): string | undefined {
    const awaited = this.#opens && this.#open.at(-1)?.kind === "map" ? [this.#newBlock("list", this.#least())] : [];
    const left = this.#leave(column);
    if (!this.#continues("list", column, left)) return this.#misplaced("list", column, [...awaited, ...left]);
    this.#opens = true;
    this.#name = undefined;
    return undefined;
  }

  /** A line that is neither: told of where a text ends above it. */
  line(column: number): string | undefined {
    if (this.#opens) return undefined;
    const text = this.#leave(column).findLast(({ kind }) => kind === "text");
    // It may also be a field of which the colon is forgotten.
    const colon = this.#isTop("map", column) ? " and has no colon" : "";
    return text && `${found(column)}${colon}; ${placeOf(text)}`;
  }

  value(): void {
    this.#opens = false;
  }

  /** A text, by the indentation of its first line that is not blank, and the digit of its header (`|2`). */
  text(indentation: number | undefined, digit: number | undefined): void {
    const least = this.#least() + 1;
    const column = digit === undefined ? (indentation ?? least) : Math.max(least - 1, 0) + digit;
    this.#open.push({ ...this.#newBlock("text", column), isEmpty: indentation === undefined });
    this.#opens = false;
  }

  /** A blank line above the first of the text that was read last, indented more. */
  blankLine(column: number): string {
    return `${found(column)} and blank; ${placeOf(this.#open.at(-1)!)}`;
  }

  /** A line inside of brackets that ends them, as it is indented less. */
  insideBracket(column: number, bracket: string): string {
    const missing = bracket === "{" ? "}" : "]";
    return `${found(column)}; lines inside the ${bracket} above are indented by at least ${this.#least() + 1} (is its ${missing} missing?)`;
  }

  #least(): number {
    return this.#open.at(-1)?.column ?? -1;
  }

  #isTop(kind: Block["kind"], column: number): boolean {
    const top = this.#open.at(-1);
    return top?.kind === kind && top.column === column;
  }

  /** Closes what is indented more than a line; gives it, the innermost first. */
  #leave(column: number): Block[] {
    const left: Block[] = [];
    while (this.#least() > column) left.push(this.#open.pop()!);
    return left;
  }

  #continues(kind: "map" | "list", column: number, left: readonly Block[], more: Partial<Block> = {}): boolean {
    if (!this.#isTop(kind, column)) {
      const besideKey = kind === "list" && this.#isTop("map", column);
      if (!this.#opens || left.length > 0 || (column === this.#least() && !besideKey)) return false;
      this.#open.push({ ...this.#newBlock(kind, column), isEmpty: false, ...more });
    }
    this.#open.at(-1)!.count += 1;
    return true;
  }

  #newBlock(kind: Block["kind"], column: number): Block {
    const isEntry = this.#open.at(-1)?.kind === "list";
    const name = this.#name === undefined ? {} : { name: this.#name };
    return { kind, column, count: 0, isEntry, isEmpty: true, ...name };
  }

  /** What a line may belong to: the outermost that it leaves, and the innermost that it stays in. */
  #misplaced(kind: "map" | "list", column: number, left: readonly Block[]): string | undefined {
    const inner = left.findLast((block) => block.kind === kind || block.kind === "text");
    const outer = this.#open.findLast((block) => block.kind === kind && block.column < column);
    if (!inner) return outer ? `${found(column)}; ${placeOf(outer)}` : this.#besideValue(kind, column);
    const around = `the ${kind === "map" ? "fields" : "entries"} around it are`;
    return `${found(column)}; ${placeOf(inner)}${outer ? `, and ${around} ${indented(outer.column)}` : ""}`;
  }

  #besideValue(kind: "map" | "list", column: number): string | undefined {
    if (kind === "list" || this.#opens || this.#open.at(-1)?.kind !== "list") return undefined;
    return `${found(column)}, as a field of the entry above it, which is a single value`;
  }
}

function found(column: number): string {
  return column === 0 ? "is not indented" : `is indented by ${column} ${column === 1 ? "space" : "spaces"}`;
}

const indented = (column: number) => (column === 0 ? "not indented" : `indented by ${column}`);

function placeOf({ kind, column, count, name, isEntry, behindDash, isEmpty }: Block): string {
  const owner = name === undefined ? undefined : `of ${named(name)}`;
  if (isEmpty) return `the ${kind} ${owner ?? "above it"} must be indented by at least ${column}`;
  if (kind === "text") return `the text ${owner ?? "above it"} is ${indented(column)}`;
  const which = count > 1 ? "the other" : "the first";
  const dash = behindDash && count === 1 ? ', its "- " included' : "";
  const where = `${count > 1 ? "are" : "is"} ${indented(column)}${dash}`;
  if (kind === "list") return `${which} ${count > 1 ? "entries" : "entry"} ${owner ?? "of this list"} ${where}`;
  const field = count > 1 ? "fields" : "field";
  const of = owner ?? (isEntry ? "of this entry" : undefined);
  return of ? `${which} ${field} ${of} ${where}` : `${which} top-level ${field} ${where}`;
}
