import { describe, expect, test } from "vitest";
import { FairLine } from "./fair-line.js";

function lineOf(...names: string[]): FairLine<string> {
  const line = new FairLine<string>({ items: 3, bytes: 100 });
  for (const name of names) line.join(name[0]!, name, 1);
  return line;
}

/** Takes all, each for so many milliseconds. */
function taken(line: FairLine<string>, msOf: (name: string) => number): string[] {
  const names: string[] = [];
  for (let next = line.next(); next; next = line.next()) {
    names.push(next.item);
    line.used(next.tenant, msOf(next.item));
  }
  return names;
}

test("of one tenant, in the order they came", () => {
  expect(taken(lineOf("a1", "a2", "a3"), () => 5)).toEqual(["a1", "a2", "a3"]);
});

test("whoever takes long waits for those who do not", () => {
  expect(taken(lineOf("a1", "a2", "b1", "b2", "b3"), (name) => (name.startsWith("a") ? 2_000 : 1))).toEqual([
    "a1",
    "b1",
    "b2",
    "b3",
    "a2",
  ]);
});

test("an empty line forgets what was used", () => {
  const line = lineOf("a1");
  taken(line, () => 2_000);
  line.join("a", "a2", 1);
  line.join("b", "b1", 1);
  expect(taken(line, () => 1)).toEqual(["a2", "b1"]);
});

test("a tenant may have so many waiting, and others none the less", () => {
  const line = lineOf("a1", "a2", "a3");
  expect(line.join("a", "a4", 1)).toEqual(["a4"]);
  expect(line.join("b", "b1", 1)).toEqual([]);
  line.leave("a2");
  expect(line.join("a", "a4", 1)).toEqual([]);
  expect(taken(line, () => 0)).toEqual(["a1", "a3", "b1", "a4"]);
});

describe("when it is full", () => {
  test("of one tenant's, the newcomer leaves", () => {
    const line = new FairLine<string>({ items: 2, bytes: 100 });
    expect(line.join("a", "a1", 60)).toEqual([]);
    expect(line.join("a", "a2", 60)).toEqual(["a2"]);
    expect(line.join("a", "a3", 1)).toEqual([]);
    expect(line.join("a", "a4", 1)).toEqual(["a4"]);
  });

  test("the newest of whoever has most leave, as many as it takes", () => {
    const line = new FairLine<string>({ items: 9, bytes: 100 });
    for (const name of ["a1", "a2", "a3", "a4"]) line.join("a", name, 20);
    expect(line.join("b", "b1", 55)).toEqual(["a4", "a3"]);
    expect(line.join("b", "b2", 10)).toEqual(["b2"]);
    expect(taken(line, () => 1)).toEqual(["a1", "b1", "a2"]);
  });
});
