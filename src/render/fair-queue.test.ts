import { describe, expect, test } from "vitest";
import { FairQueue } from "./fair-queue.js";

function queueOf(...names: string[]): FairQueue<string> {
  const queue = new FairQueue<string>({ items: 3, bytes: 100 });
  for (const name of names) queue.join(name[0]!, name, 1);
  return queue;
}

/** Takes all, each for so many milliseconds. */
function taken(queue: FairQueue<string>, msOf: (name: string) => number): string[] {
  const names: string[] = [];
  for (let next = queue.next(); next; next = queue.next()) {
    names.push(next.item);
    queue.used(next.tenant, msOf(next.item));
  }
  return names;
}

test("of one tenant, in the order they came", () => {
  expect(taken(queueOf("a1", "a2", "a3"), () => 5)).toEqual(["a1", "a2", "a3"]);
});

test("a tenant with long tasks waits for those with short ones", () => {
  expect(taken(queueOf("a1", "a2", "b1", "b2", "b3"), (name) => (name.startsWith("a") ? 2_000 : 1))).toEqual([
    "a1",
    "b1",
    "b2",
    "b3",
    "a2",
  ]);
});

test("an empty queue forgets what was used", () => {
  const queue = queueOf("a1");
  taken(queue, () => 2_000);
  queue.join("a", "a2", 1);
  queue.join("b", "b1", 1);
  expect(taken(queue, () => 1)).toEqual(["a2", "b1"]);
});

test("a tenant may have so many waiting, and others none the less", () => {
  const queue = queueOf("a1", "a2", "a3");
  expect(queue.join("a", "a4", 1)).toEqual(["a4"]);
  expect(queue.join("b", "b1", 1)).toEqual([]);
  queue.leave("a2");
  expect(queue.join("a", "a4", 1)).toEqual([]);
  expect(taken(queue, () => 0)).toEqual(["a1", "a3", "b1", "a4"]);
});

describe("when it is full", () => {
  test("of one tenant's, the newcomer leaves", () => {
    const queue = new FairQueue<string>({ items: 2, bytes: 100 });
    expect(queue.join("a", "a1", 60)).toEqual([]);
    expect(queue.join("a", "a2", 60)).toEqual(["a2"]);
    expect(queue.join("a", "a3", 1)).toEqual([]);
    expect(queue.join("a", "a4", 1)).toEqual(["a4"]);
  });

  test("the newest tasks of the tenant that has most are dropped, as many as needed", () => {
    const queue = new FairQueue<string>({ items: 9, bytes: 100 });
    for (const name of ["a1", "a2", "a3", "a4"]) queue.join("a", name, 20);
    expect(queue.join("b", "b1", 55)).toEqual(["a4", "a3"]);
    expect(queue.join("b", "b2", 10)).toEqual(["b2"]);
    expect(taken(queue, () => 1)).toEqual(["a1", "b1", "a2"]);
  });
});
