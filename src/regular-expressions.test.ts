import type { Node } from "@oxc-project/types";
import { afterEach, expect, test } from "vitest";
import { type Expression, slowOnes } from "../dev/testing/regex-strikes.js";
import { sourceFiles } from "../dev/testing/source-files.js";
import { visitSyntax } from "../dev/testing/syntax-tree.js";

type SourceFile = ReturnType<typeof sourceFiles>[number];

const files = sourceFiles();

/** Far more than a linear one takes; one that is not takes 5 s and more. */
const limitMs = 250;

const RegExpItself = RegExp;

afterEach(() => {
  globalThis.RegExp = RegExpItself;
});

test("no regular expression takes more than linear time on a hostile text", async () => {
  const expressions = [...files.flatMap(writtenIn), ...(await madeByAll())];
  expect(expressions.length).toBeGreaterThan(100);
  // Each is ended by wall time, so on a busy machine it may seem slow once.
  const slow = slowOnes(slowOnes(expressions, limitMs), limitMs);
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
function writtenIn({ file, text }: SourceFile): Expression[] {
  const found: Expression[] = [];
  visitSyntax(text, (node) => {
    if (node.type !== "Literal" || !("regex" in node)) return;
    const { pattern, flags } = node.regex;
    found.push({ location: locationOf({ file, text }, node), source: pattern, flags });
  });
  return found;
}

/** What is made of texts, by the files that do so as they are loaded. */
async function madeByAll(): Promise<Expression[]> {
  const made = [];
  for (const one of files) {
    const locations: string[] = [];
    visitSyntax(one.text, (node) => {
      if (node.type !== "NewExpression" && node.type !== "CallExpression") return;
      if (node.callee.type === "Identifier" && node.callee.name === "RegExp") locations.push(locationOf(one, node));
    });
    if (locations.length > 0) made.push(...(await madeBy(one.file, locations)));
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
  // The query makes it a module of its own, so that it is loaded whether or not it was, and no other is loaded again.
  await import(/* @vite-ignore */ new URL(`${file}?observed`, import.meta.url).href);
  globalThis.RegExp = RegExpItself;
  if (made.length === 0)
    throw new Error(
      `${locations.join()} makes an expression later than as it is loaded: make it there, of what is known`,
    );
  return made;
}

function locationOf({ file, text }: SourceFile, { start }: Node): string {
  return `${file}:${text.slice(0, start).split("\n").length}`;
}
