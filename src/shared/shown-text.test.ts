import fc from "fast-check";
import { expect, test } from "vitest";
import { cutText, escapeUnprintable, escapeUnprintableInLines } from "./shown-text.js";

test.each([
  ["plain text, ä, 漢字, 🎉, a\u00a0space", "plain text, ä, 漢字, 🎉, a\u00a0space"],
  ["right\u202eto left\u202c", "right\\u202eto left\\u202c"],
  ["\u001b[2Jcleared\u0007", "\\u001b[2Jcleared\\u0007"],
  ["\u009b31m, \u007f", "\\u009b31m, \\u007f"],
  ["zero\u200bwidth\u2060\ufeff, soft\u00adhyphen", "zero\\u200bwidth\\u2060\\ufeff, soft\\u00adhyphen"],
  ["lines\u2028of\u2029others", "lines\\u2028of\\u2029others"],
  ["isolate\u2066d\u2069, mark\u061c\u200f", "isolate\\u2066d\\u2069, mark\\u061c\\u200f"],
  ["a tag\u{e0041}", "a tag\\udb40\\udc41"],
])("%j is shown as %s", (text, shown) => {
  expect(escapeUnprintable(text)).toBe(shown);
  expect(JSON.parse(`"${escapeUnprintable(text)}"`)).toBe(text);
});

test("no active character is left in any text; lines may keep their ends", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(escapeUnprintable(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      expect(escapeUnprintableInLines(text)).not.toMatch(/[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}]/u);
    }),
  );
  expect(escapeUnprintableInLines("a\n\tb\r\u0000")).toBe("a\n\tb\\u000d\\u0000");
});

test.each([
  ["short", 5, "short"],
  ["longer", 5, "lo…"],
  ["äöü", 6, "äöü"],
  ["äöüß", 7, "äö…"],
  ["🎉🎉", 7, "🎉…"],
  ["x".repeat(1_000_000), 10, "xxxxxxx…"],
])("%# a text is cut to bytes, at a character", (text, most, cut) => {
  expect(cutText(text, most)).toBe(cut);
});
