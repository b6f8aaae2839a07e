import { expect, test } from "vitest";
import { OneByOne } from "./one-by-one.js";

test("acts run one after another, even after failures", async () => {
  const line = new OneByOne();
  const told: string[] = [];
  const act = (name: string, fails = false) =>
    line.run(async () => {
      told.push(`${name} begins`);
      await Promise.resolve();
      told.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const settled = await Promise.allSettled([act("a"), act("b", true), act("c")]);
  expect(settled.map((one) => (one.status === "fulfilled" ? one.value : `${one.reason}`))).toEqual([
    "a",
    "Error: b",
    "c",
  ]);
  expect(told).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});
