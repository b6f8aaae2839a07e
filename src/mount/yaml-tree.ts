import {
  Composer,
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  Parser,
} from "yaml";
import { copied } from "../shared/copied.js";
import { named, quoted } from "../shared/quoted.js";
import { LayoutMistakes } from "./layout-mistakes.js";
import { unquotedTemplate } from "./layout-walk.js";

/** YAML as text with places: what a value means is for its reader to say. Offsets count UTF-16 units of the text. */
export type YamlNode = YamlScalar | YamlList | YamlMap;

export interface YamlScalar {
  kind: "scalar";
  offset: number;
  end: number;
  text: string;
  /** Without quotes and not a block, so it may mean null, a boolean or a number. */
  plain: boolean;
  /** The last part of an explicit core tag: `str` for `!!str`. */
  tag?: string;
}

export interface YamlList {
  kind: "list";
  offset: number;
  items: readonly YamlNode[];
}

export interface YamlMap {
  kind: "map";
  offset: number;
  entries: readonly YamlEntry[];
}

export interface YamlEntry {
  key: string;
  keyOffset: number;
  value: YamlNode;
}

export interface YamlMistake {
  offset: number;
  text: string;
  /** Known for what people stumble over most: the first two have their place to the column. */
  cause?: "indentation" | "template" | "tab";
}

export interface YamlDocument {
  root?: YamlNode;
  mistakes: readonly YamlMistake[];
}

const coreTag = "tag:yaml.org,2002:";
const knownTags = new Set(["str", "int", "float", "bool", "null", "map", "seq"]);

/** What a text may cost: some microseconds a token (each word, blank and sign is one), and a frame of stack a level. */
export interface YamlBounds {
  tokens: number;
  /** Once aliases are followed. */
  values: number;
  /** Of all keys and values together, in UTF-16 units, once aliases are followed. */
  characters: number;
  depth: number;
  /** How many are read; what comes after them is not looked at. */
  documents: number;
}

/** For a file whose owner it is that reads it: only what would break the parser is bounded. */
export const ownFileBounds: YamlBounds = {
  tokens: 5_000_000,
  values: 1_000_000,
  characters: 64 << 20,
  depth: 200,
  documents: 1_000_000,
};

/**
 * The documents of a text, with aliases followed and merge keys (`<<`) merged as Go's yaml.v3 does. Never throws:
 * what cannot be read, or costs more than the bounds allow, is reported in `mistakes`, in our words. Nothing of the result
 * keeps the text in memory.
 */
export function readYaml(text: string, bounds: YamlBounds): readonly YamlDocument[] {
  if (hasMoreTokens(text, bounds.tokens)) return [{ mistakes: [{ offset: 0, text: "is too much to read" }] }];
  try {
    // uniqueKeys compares each key with each other, which takes minutes for a hostile map; `Reader` does it by a set.
    const options = { schema: "failsafe", uniqueKeys: false, prettyErrors: false, logLevel: "silent" } as const;
    const documents: YamlDocument[] = [];
    const layout = new LayoutMistakes(text);
    for (const document of withCheapErrors(() => new Composer(options).compose(new Parser().parse(text)))) {
      documents.push(readDocument(text, document, layout, bounds));
      if (documents.length === bounds.documents) break;
    }
    return documents;
  } catch (error) {
    if (error instanceof RangeError) return [{ mistakes: [{ offset: 0, text: tooDeep(bounds) }] }];
    throw error;
  }
}

/**
 * What the parser composes. It makes an Error of every mistake, and a hostile text has ten thousand: without a stack
 * trace each costs a tenth.
 */
function* withCheapErrors<T>(compose: () => Iterable<T>): Generator<T> {
  const iterator = compose()[Symbol.iterator]();
  for (;;) {
    const before = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    let next: IteratorResult<T>;
    try {
      next = iterator.next();
    } finally {
      Error.stackTraceLimit = before;
    }
    if (next.done) return;
    yield next.value;
  }
}

/** Cuts the text as the parser will, which is much cheaper than to parse it. */
function hasMoreTokens(text: string, most: number): boolean {
  if (text.length <= most) return false;
  const tokens = new Lexer().lex(text);
  for (let count = 0; count <= most; count += 1) if (tokens.next().done) return false;
  return true;
}

const tooDeep = ({ depth }: YamlBounds) => `is nested more than ${depth} deep`;

function readDocument(
  text: string,
  document: Document.Parsed,
  layout: LayoutMistakes,
  bounds: YamlBounds,
): YamlDocument {
  const broken = document.errors.slice(0, mostMistakes).map(({ code, pos }) => ({
    offset: pos[0],
    text: wordsFor[code] ?? "is not valid YAML",
  }));
  if (broken.length > 0) return { mistakes: causesOf(text, broken, layout) };
  if (!document.contents) return { mistakes: [] };
  const reader = new Reader(bounds);
  const root = reader.read(document.contents, 0);
  return { root, mistakes: reader.mistakes };
}

/** What the parser's errors come of, without those that follow from a mistake before them. */
function causesOf(text: string, broken: readonly YamlMistake[], layout: LayoutMistakes): readonly YamlMistake[] {
  const behind = layout.behind(broken.map(({ offset }) => offset));
  const places = [...broken, ...(behind ? [behind] : [])];
  const tab = places.map(({ offset }) => tabBefore(text, offset)).find((offset) => offset !== undefined);
  if (tab !== undefined) return [{ offset: tab, text: indentedWithTab, cause: "tab" }];
  if (!behind) return broken;
  const { offset, cause } = behind;
  return [...broken.filter((one) => one.offset < behind.from), { offset, text: copied(behind.text), cause }];
}

const mostMistakes = 20;
const indentedWithTab = "is indented with a tab; YAML takes spaces only";

/** Where the indentation of a place's line holds a tab: the parser's own code is about what it makes of that line. */
function tabBefore(text: string, offset: number): number | undefined {
  const start = offset === 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1;
  let at = start;
  while (text[at] === " ") at += 1;
  return text[at] === "\t" ? at : undefined;
}

const wordsFor: Partial<Record<ErrorCode, string>> = {
  BAD_INDENT: "is indented wrongly",
  BAD_SCALAR_START: "starts with a character that must be quoted",
  BAD_DQ_ESCAPE: 'holds a backslash sequence that "…" does not know',
  BLOCK_AS_IMPLICIT_KEY: "starts a list or map where only a single value can be (two on one line? a missing quote?)",
  BLOCK_IN_FLOW: "starts a block inside […] or {…}",
  MISSING_CHAR: "lacks a character here (a quote, bracket, comma or colon that is not closed?)",
  MULTILINE_IMPLICIT_KEY: "has a key that runs over several lines (a missing colon?)",
  TAB_AS_INDENT: indentedWithTab,
  UNEXPECTED_TOKEN: "is not valid YAML here",
};

/** Turns the library's nodes into ours, counting them, so that aliases of aliases end. */
class Reader {
  readonly mistakes: YamlMistake[] = [];
  readonly #anchors = new Map<string, Node>();
  readonly #bounds: YamlBounds;
  #values = 0;
  #characters = 0;
  /** The keys and indexes that lead to what is being read. */
  readonly #path: (string | number)[] = [];
  #spent = false;

  constructor(bounds: YamlBounds) {
    this.#bounds = bounds;
  }

  read(node: Node | null, depth: number): YamlNode {
    const offset = node?.range?.[0] ?? 0;
    this.#values += 1;
    if (this.#spent) return nothing(offset);
    if (depth > this.#bounds.depth) return this.#stop(offset, tooDeep(this.#bounds));
    if (this.#values > this.#bounds.values)
      return this.#stop(
        offset,
        `holds more than ${this.#bounds.values} values once aliases are followed${this.#location()}`,
      );
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source);
      return target ? this.read(target, depth + 1) : this.#mistake(offset, "refers to an anchor that is not there");
    }
    if (node && "anchor" in node && typeof node.anchor === "string") this.#anchors.set(node.anchor, node);
    const tag = this.#tagOf(node, offset);
    if (isMap<Node, Node | null>(node)) return this.#map(node.items, offset, depth);
    if (isSeq<Node>(node)) {
      const items = node.items.map((item, index) => this.#within(index, item, depth));
      return { kind: "list", offset, items };
    }
    const end = node?.range?.[1] ?? offset;
    if (!isScalar(node)) return { kind: "scalar", offset, end, text: "", plain: true };
    const text = typeof node.value === "string" ? copied(node.value) : "";
    this.#characters += text.length;
    if (this.#characters > this.#bounds.characters) {
      const { characters } = this.#bounds;
      return this.#stop(
        offset,
        `holds more than ${characters} characters once aliases are followed${this.#location()}`,
      );
    }
    return { kind: "scalar", offset, end, text, plain: node.type === "PLAIN", ...(tag && { tag }) };
  }

  #within(step: string | number, node: Node | null, depth: number): YamlNode {
    this.#path.push(step);
    const read = this.read(node, depth + 1);
    this.#path.pop();
    return read;
  }

  /** As far as it says whose field it is: ` at [3].secretArgs`. */
  #location(): string {
    const steps = this.#path.slice(0, 2).map((step) => (typeof step === "number" ? `[${step}]` : `.${named(step)}`));
    return steps.length === 0 ? "" : ` at ${steps.join("").replace(/^\./, "")}`;
  }

  #map(items: readonly { key: Node; value: Node | null }[], offset: number, depth: number): YamlMap {
    const entries = new Map<string, YamlEntry>();
    const merged: YamlMap[] = [];
    for (const item of items) {
      const key = this.read(item.key, depth + 1);
      const value = this.#within(key.kind === "scalar" ? key.text : "", item.value, depth);
      if (key.kind === "map" && key.offset === offset + 1) this.#mistake(offset, unquotedTemplate, "template");
      else if (key.kind !== "scalar") this.#mistake(key.offset, "has a list or map as a key");
      else if (key.plain && key.text === "<<") merged.push(...this.#merged(value));
      else if (entries.has(key.text)) this.#mistake(key.offset, `has a key twice: ${quoted(key.text)}`);
      else entries.set(key.text, { key: key.text, keyOffset: key.offset, value });
    }
    for (const entry of merged.flatMap((map) => map.entries)) {
      if (!entries.has(entry.key)) entries.set(entry.key, entry);
    }
    return { kind: "map", offset, entries: [...entries.values()] };
  }

  #merged(value: YamlNode): readonly YamlMap[] {
    const maps = value.kind === "list" ? value.items : [value];
    return maps.flatMap((map) => {
      if (map.kind === "map") return [map];
      this.#mistake(map.offset, "merges (<<) something that is not a map");
      return [];
    });
  }

  #tagOf(node: Node | null, offset: number): string | undefined {
    const tag = node?.tag;
    if (tag === undefined) return undefined;
    const name = tag.startsWith(coreTag) ? tag.slice(coreTag.length) : "";
    if (!knownTags.has(name)) this.#mistake(offset, "has a tag that means nothing here; leave it out");
    return name;
  }

  #mistake(offset: number, text: string, cause?: YamlMistake["cause"]): YamlScalar {
    if (this.mistakes.length < mostMistakes && !this.#spent)
      this.mistakes.push({ offset, text, ...(cause && { cause }) });
    return nothing(offset);
  }

  /** A mistake after which nothing more is read. */
  #stop(offset: number, text: string): YamlScalar {
    const read = this.#mistake(offset, text);
    this.#spent = true;
    return read;
  }
}

function nothing(offset: number): YamlScalar {
  return { kind: "scalar", offset, end: offset, text: "", plain: true };
}
