import fc from "fast-check";
import { expect, test } from "vitest";
import { matchesGlob } from "./glob.js";

test.each([
  ["", "", true],
  ["", "a", false],
  ["*", "", true],
  ["*", "anything/at all", true],
  ["DB_*", "DB_", true],
  ["DB_*", "DB", false],
  ["*_URL", "A_URL_B_URL", true],
  ["a?c", "abc", true],
  ["a?c", "ac", false],
  ["a*b*c", "a-b-b-c", true],
  ["a*b*c", "a-b-b-", false],
  ["[ab]", "a", false],
  ["a.c", "abc", false],
])("%j and %j: %s", (pattern, text, matches) => {
  expect(matchesGlob(pattern, text)).toBe(matches);
});

test("means what the regular expression of the same pattern would", () => {
  const letters = fc.stringMatching(/^[ab*?]{0,8}$/);
  fc.assert(
    fc.property(letters, fc.stringMatching(/^[ab]{0,12}$/), (pattern, text) => {
      const expression = new RegExp(`^${pattern.replaceAll("*", ".*").replaceAll("?", ".")}$`);
      expect(matchesGlob(pattern, text)).toBe(expression.test(text));
    }),
  );
});

test("a pattern that would have a regular expression go back again and again does not", () => {
  expect(matchesGlob(`${"*a".repeat(120)}b`, "a".repeat(100_000))).toBe(false);
});
