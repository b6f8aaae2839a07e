import fc from "fast-check";
import { expect, test } from "vitest";
import { Document, parseDocument, Scalar } from "yaml";
import { TextPositions, positionOf } from "../shared/text-position.js";
import { sourceOffset } from "./text-places.js";

test.each([
  [0, 1, 1],
  [2, 1, 3],
  [3, 2, 1],
  [5, 3, 2],
])("offset %i is at line %i, column %i", (offset, line, column) => {
  expect(positionOf("ab\n\ncd", offset)).toEqual({ line, column });
});

test("the places of many offsets are those of each", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", "é", "\n") }), (written) => {
      const positions = new TextPositions(written);
      for (let offset = 0; offset <= written.length; offset += 1) {
        expect(positions.at(offset)).toEqual(positionOf(written, offset));
      }
    }),
  );
});

const text = fc.string({
  unit: fc.constantFrom("a", "b", ":", "-", "#", "'", '"', "\\", " ", "\n", "  x", "é", "\t"),
  maxLength: 60,
});
const style = fc.constantFrom(
  Scalar.BLOCK_LITERAL,
  Scalar.BLOCK_FOLDED,
  Scalar.QUOTE_DOUBLE,
  Scalar.QUOTE_SINGLE,
  Scalar.PLAIN,
);

test("each character of a scalar is found in its source, in every style", () => {
  fc.assert(
    fc.property(text, style, fc.constantFrom(20, 80), (value, type, lineWidth) => {
      const scalar = new Scalar(value);
      scalar.type = type;
      const file = new Document({ spec: { objects: scalar } }).toString({ lineWidth });
      const read = parseDocument(file).getIn(["spec", "objects"], true) as Scalar<string>;
      fc.pre(read.value === value); // The printer writes a few odd scalars so that they read as something else.
      const source = file.slice(read.range![0], read.range![1]);
      for (const [offset, character] of [...read.value].entries()) {
        if (/\s/.test(character)) continue;
        const at = sourceOffset(source, read.value, offset);
        const found = source[at] === "\\" && source[0] === '"' ? "an escape" : source[at];
        expect([character, "an escape"]).toContain(found);
      }
    }),
    { numRuns: 500 },
  );
});
