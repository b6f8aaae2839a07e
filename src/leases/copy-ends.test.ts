import { expect, test } from "vitest";
import { CopyEnds } from "./copy-ends.js";

test("what was read until the end of one of its names has ended, and nothing else", () => {
  const ends = new CopyEnds();
  ends.record("account", 10);
  ends.record("path", 20);
  expect(ends.cover(["account"], 10)).toBe(true);
  expect(ends.cover(["account"], 11)).toBe(false);
  expect(ends.cover(["account", "path"], 20)).toBe(true);
  expect(ends.cover(["another"], 0)).toBe(false);
});

test("a later end of a name replaces the earlier one", () => {
  const ends = new CopyEnds();
  ends.record("account", 10);
  ends.record("account", 30);
  expect(ends.cover(["account"], 30)).toBe(true);
});

test("of more ends than are remembered the oldest stands for every name: too much ends, never too little", () => {
  const ends = new CopyEnds();
  for (let n = 0; n < 4_096; n += 1) ends.record(`name ${n}`, n);
  ends.record("name 0", 5_000); // The newest now, so that name 1 is the oldest.
  expect(ends.cover(["another"], 1)).toBe(false);
  ends.record("one more", 5_001);
  expect(ends.cover(["name 1"], 1)).toBe(true);
  expect(ends.cover(["another"], 1)).toBe(true);
  expect(ends.cover(["another"], 2)).toBe(false);
  expect(ends.cover(["name 0"], 5_000)).toBe(true);
});

test("once everything has ended nothing is kept, whenever it is read", () => {
  const ends = new CopyEnds();
  ends.recordAll();
  expect(ends.cover(["any"], 1e12)).toBe(true);
});
