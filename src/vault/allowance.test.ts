import { expect, test } from "vitest";
import { Allowance } from "./allowance.js";

test("is halved once for what fails together, never below two", () => {
  const allowance = new Allowance(16);
  const seen = [0, 10, 999, 1_000, 2_000, 3_000, 4_000].map((now) => {
    allowance.note("strained", now);
    return allowance.allowed;
  });
  expect(seen).toEqual([8, 8, 8, 4, 2, 2, 2]);
});

test("grows by one for each full round that went well, up to its ceiling", () => {
  const allowance = new Allowance(4);
  allowance.note("strained", 0);
  const rounds = (count: number) => {
    for (let round = 0; round < count; round += 1) allowance.note("eased", 0);
    return allowance.allowed;
  };
  expect([rounds(1), rounds(2), rounds(30)]).toEqual([2, 3, 4]);
});

test("is one where only one is wanted", () => {
  const allowance = new Allowance(1);
  allowance.note("strained", 0);
  expect(allowance.allowed).toBe(1);
});
