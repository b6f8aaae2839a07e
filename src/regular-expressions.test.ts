import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";
import { afterEach, expect, test, vi } from "vitest";
import { type Expression, slowOnes } from "../dev/testing/regex-strikes.js";

const src = dirname(fileURLToPath(import.meta.url));
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
  .sort();

/** Far more than a linear one takes; one that is not takes 5 s and more. */
const limitMs = 250;

const RegExpItself = RegExp;

afterEach(() => {
  globalThis.RegExp = RegExpItself;
});

test("no regular expression takes more than linear time on a hostile text", async () => {
  const expressions = [...files.flatMap(writtenIn), ...(await madeByAll())];
  expect(expressions.length).toBeGreaterThan(100);
  const slow = slowOnes(expressions, limitMs);
  expect(
    slow.map(
      ({ location, source, strike, ms }) => `${location}: /${source}/ took ${ms} ms on ${JSON.stringify(strike)}`,
    ),
  ).toEqual([]);
}, 120_000);

test.each([
  [String.raw`\s+$`, "g"],
  [String.raw`claim ".*" does not match`, ""],
  [String.raw`^(\w+)+!`, ""],
])(
  "finds that /%s/%s takes longer",
  (source, flags) => {
    expect(slowOnes([{ location: "here", source, flags }], limitMs)).toHaveLength(1);
  },
  60_000,
);

test.each([
  [String.raw`^\s*Proc-Type: `, ""],
  [String.raw`^[A-Za-z0-9+/]*={0,2}$`, ""],
  [String.raw`[^ -~]`, "g"],
])(
  "finds nothing wrong with /%s/%s",
  (source, flags) => {
    expect(slowOnes([{ location: "here", source, flags }], limitMs)).toEqual([]);
  },
  60_000,
);

/** Of a file, what is written as a literal. */
function writtenIn(file: string): Expression[] {
  const source = parsed(file);
  const found: Expression[] = [];
  visit(source, (node) => {
    if (!ts.isRegularExpressionLiteral(node)) return;
    const end = node.text.lastIndexOf("/");
    found.push({
      location: locationOf(source, file, node),
      source: node.text.slice(1, end),
      flags: node.text.slice(end + 1),
    });
  });
  return found;
}

/** What is made of texts, by the files that do so as they are loaded. */
async function madeByAll(): Promise<Expression[]> {
  const made = [];
  for (const file of files) {
    const source = parsed(file);
    const locations: string[] = [];
    visit(source, (node) => {
      const isMade =
        (ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText(source) === "RegExp";
      if (isMade) locations.push(locationOf(source, file, node));
    });
    if (locations.length > 0) made.push(...(await madeBy(file, locations)));
  }
  return made;
}

async function madeBy(file: string, locations: readonly string[]): Promise<Expression[]> {
  const made: Expression[] = [];
  globalThis.RegExp = class extends RegExpItself {
    constructor(pattern: string | RegExp, flags?: string) {
      super(pattern, flags);
      made.push({ location: locations.join(), source: this.source, flags: this.flags });
    }
  } as RegExpConstructor;
  vi.resetModules();
  await import(/* @vite-ignore */ pathToFileURL(join(src, file)).href);
  globalThis.RegExp = RegExpItself;
  if (made.length === 0)
    throw new Error(
      `${locations.join()} makes an expression later than as it is loaded: make it there, of what is known`,
    );
  return made;
}

function parsed(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(join(src, file), "utf8"), ts.ScriptTarget.Latest, false);
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}

function locationOf(source: ts.SourceFile, file: string, node: ts.Node): string {
  const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
  return `${relative(src, join(src, file))}:${line + 1}`;
}
