import { expect, test } from "vitest";
import { JsonSieve } from "./json-sieve.js";

function sieved(text: string, pieceBytes = text.length): string {
  const sieve = new JsonSieve(["owners", "fields"]);
  const bytes = Buffer.from(text);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(sieve.pass(bytes.subarray(at, at + pieceBytes)));
  return Buffer.concat(pieces).toString();
}

const texts: [string, unknown, unknown][] = [
  ["an array", { a: 1, owners: [{ name: "<]}" }, []], b: 2 }, { a: 1, owners: null, b: 2 }],
  ["an object at the end", { items: [{ fields: { "f:a": { owners: [] } } }] }, { items: [{ fields: null }] }],
  ["a text with quotes", { owners: '"\\",]}', b: '\\"owners\\":' }, { owners: null, b: '\\"owners\\":' }],
  ["a number and a name", { owners: 1.5, fields: true, b: [null] }, { owners: null, fields: null, b: [null] }],
  ["keys inside what is dropped", { owners: { fields: [1], b: { owners: 2 } } }, { owners: null }],
  [
    "what only looks like a key",
    { a: "owners", "owners:": [1], ownersx: [2] },
    { a: "owners", "owners:": [1], ownersx: [2] },
  ],
  ["a value that is a key's name", ["owners", { a: ["fields"] }], ["owners", { a: ["fields"] }]],
  ["an empty key and text", { "": "", fields: "" }, { "": "", fields: null }],
  ["letters of several bytes", { ä: "ö", owners: "ü", "🙂": "€" }, { ä: "ö", owners: null, "🙂": "€" }],
];

test.each(texts)("values of these keys are dropped: %s, in pieces of any size", (_what, from, to) => {
  for (const text of [JSON.stringify(from), JSON.stringify(from, undefined, 2)]) {
    for (let pieceBytes = 1; pieceBytes <= text.length; pieceBytes += 1) {
      expect(JSON.parse(sieved(text, pieceBytes))).toEqual(to);
    }
  }
});

test("texts that follow one another are each theirs", () => {
  const lines = texts.map(([, from]) => JSON.stringify(from));
  const left = sieved(lines.join("\n"), 7).split("\n");
  expect(left.map((line) => JSON.parse(line) as unknown)).toEqual(texts.map(([, , to]) => to));
});

test("what is dropped takes no memory", () => {
  const sieve = new JsonSieve(["owners"]);
  sieve.pass(Buffer.from('{"owners":["'));
  const piece = Buffer.alloc(65_536, "x");
  for (let n = 0; n < 100; n += 1) expect(sieve.pass(piece)).toHaveLength(0);
  expect(sieve.pass(Buffer.from('"],"a":1}')).toString()).toBe(',"a":1}');
});

test("what is no JSON is none afterwards", () => {
  expect(sieved("<html>owners</html>")).toBe("<html>owners</html>");
});
