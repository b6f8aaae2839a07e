import { isMap, isNode, isScalar, LineCounter, type Node, type Pair, type ParsedNode, parseDocument } from "yaml";

export type Path = readonly PropertyKey[];

/** A YAML text as data, and the place of each value in it. */
export interface YamlSource {
  /** `undefined` for an empty text; what could be read where there are mistakes. */
  data: unknown;
  /** Where the value at a path begins, or the nearest around it. */
  offsetOf(path: Path): number;
  /** `name:line:column` of that. */
  locationOf(path: Path): string;
  /** What is no YAML, each with its place; never the text itself. */
  mistakes: readonly string[];
}

/** Reads one document of YAML 1.2, with anchors and merge keys. `name` is how the user knows the file. */
export function readYamlSource(name: string, text: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true, logLevel: "silent" });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const mistakes = document.errors.map(({ code, pos }) => `${at(pos[0])}: ${wordsFor(code)}`);
  return {
    data: mistakes.length > 0 ? undefined : dataOf(document, mistakes, name),
    offsetOf: (path) => offsetOf(document.contents, path),
    locationOf: (path) => at(offsetOf(document.contents, path)),
    mistakes,
  };
}

function wordsFor(code: string): string {
  return code === "DUPLICATE_KEY"
    ? "the key is there twice"
    : `not valid YAML (${code.toLowerCase().replaceAll("_", " ")})`;
}

function dataOf(document: { toJS(): unknown }, mistakes: string[], name: string): unknown {
  try {
    return document.toJS() ?? undefined;
  } catch {
    // The library throws for aliases that multiply without end, and for those that lead nowhere.
    mistakes.push(`${name}: has an alias (*name) that cannot be followed`);
    return undefined;
  }
}

/** Where the deepest part of a path begins that the text has: a key in a map, an item in a list. */
function offsetOf(contents: ParsedNode | null, path: Path): number {
  let node: unknown = contents;
  let offset = 0;
  for (const step of path) {
    const pair = isMap(node) ? pairOf(node.items, step) : undefined;
    const next: unknown = pair ? pair.value : isNode(node) && "get" in node ? node.get(step, true) : undefined;
    const start = startOf(pair?.key) ?? startOf(next);
    if (start === undefined) break;
    offset = start;
    node = next;
  }
  return offset;
}

function pairOf(pairs: readonly Pair[], key: PropertyKey): Pair | undefined {
  return pairs.find((pair) => isScalar(pair.key) && String(pair.key.value) === key);
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}
