import { expect, test } from "vitest";
import { Attempts } from "./attempts.js";

test("what failed rests for as long as it is told, longer each time in a row", () => {
  const attempts = new Attempts<string>(10);
  const delay = (failures: number) => failures * 100;
  attempts.failed("k", "first", 0, delay);
  expect([attempts.tooEarly("k", 99), attempts.tooEarly("k", 100)]).toEqual(["first", undefined]);
  attempts.failed("k", "second", 100, delay);
  expect([attempts.tooEarly("k", 299), attempts.tooEarly("k", 300)]).toEqual(["second", undefined]);
});

test("a success forgets the failures", () => {
  const attempts = new Attempts<string>(10);
  attempts.failed("k", "error", 0, () => 100);
  attempts.succeeded("k");
  expect(attempts.tooEarly("k", 0)).toBeUndefined();
});

test("no more failures are remembered than there is room for", () => {
  const attempts = new Attempts<string>(2);
  for (const key of ["a", "b", "c"]) attempts.failed(key, key, 0, () => 100);
  expect(["a", "b", "c"].map((key) => attempts.tooEarly(key, 0))).toEqual([undefined, "b", "c"]);
});
