import fc from "fast-check";
import { expect, test } from "vitest";
import { threadCpuMs } from "../../dev/testing/thread-cpu.js";
import { clashes, objectNameMistake } from "./object-name.js";

const pairs = (names: readonly string[]) => [...clashes(names)].map(({ index, other }) => [index, other]);

test.each<[string, string[], [number, number][]]>([
  ["names of their own", ["a", "b/c", "b/d"], []],
  ["a name twice", ["a", "b", "a"], [[2, 0]]],
  ["a file where another needs a directory", ["a/b/c", "a/b"], [[0, 1]]],
  ["a folder beside files in it", ["a/", "a/b"], []],
  ["a folder twice", ["a/", "a/"], [[1, 0]]],
  ["a folder and a file of its name", ["a/", "a"], [[0, 1]]],
  ["names that are missing", ["", ""], []],
  ["what is no name for its length", ["a/".repeat(3_000), "a/".repeat(3_000)], []],
])("%s", (_what, names, expected) => {
  expect(pairs(names)).toEqual(expected);
});

test("finds what comparing each with each finds", () => {
  const name = fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 4 }).map((steps) => steps.join("/"));
  fc.assert(
    fc.property(fc.array(name, { maxLength: 8 }), (names) => {
      const clashing = names.flatMap((one, index) =>
        names.some((other, at) => one.startsWith(`${other}/`) || (one === other && at < index)) ? [index] : [],
      );
      expect(pairs(names).map(([index]) => index)).toEqual(clashing);
    }),
  );
});

test("a thousand files in folders of folders take no time to speak of", () => {
  const startedAt = threadCpuMs();
  expect(pairs(Array.from({ length: 1_000 }, (_, index) => `${"a/".repeat(31)}${index}`))).toEqual([]);
  expect(pairs(Array.from({ length: 1_000 }, (_, index) => `${"a/".repeat(2_000)}${index}`))).toEqual([]);
  expect(threadCpuMs() - startedAt).toBeLessThan(1_000);
});

test.each([
  [`${"a/".repeat(31)}b`, undefined],
  [`${"a/".repeat(32)}b`, "has more than 32 steps; put the file into fewer folders"],
])("%s", (name, mistake) => {
  expect(objectNameMistake(name)).toBe(mistake);
});
