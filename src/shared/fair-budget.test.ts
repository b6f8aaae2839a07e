import { expect, test } from "vitest";
import { FairBudget } from "./fair-budget.js";

/** Takes one by one until it is refused, each tenant in its turn. */
function greedy(budget: FairBudget, tenants: readonly string[]): number[] {
  for (let refused = 0; refused < tenants.length; ) {
    refused = tenants.filter((tenant) => !budget.take(tenant, 1)).length;
  }
  return tenants.map((tenant) => budget.takenBy(tenant));
}

test.each([
  [["a"], [50]],
  [
    ["a", "b"],
    [33, 33],
  ],
  [
    ["a", "b", "c"],
    [25, 25, 25],
  ],
])("tenants %j that take all they get have %j of a hundred", (tenants, shares) => {
  expect(greedy(new FairBudget(100), tenants)).toEqual(shares);
});

test("a later tenant finds room, and more once the first has to wait for its share", () => {
  const budget = new FairBudget(100);
  greedy(budget, ["a"]);
  expect(greedy(budget, ["b"])).toEqual([25]);
  budget.release("a", 20);
  expect(greedy(budget, ["b"])).toEqual([35]);
  expect(budget.take("a", 10)).toBe(false);
});

test("a refused request takes nothing, and a released amount is free", () => {
  const budget = new FairBudget(100);
  expect(budget.take("a", 51)).toBe(false);
  expect(budget.total).toBe(0);
  expect(budget.take("a", 50)).toBe(true);
  budget.release("a", 50);
  expect([budget.total, budget.takenBy("a")]).toEqual([0, 0]);
});

test("what is there already counts, and leaves less for others to take", () => {
  const budget = new FairBudget(100);
  budget.add("a", 90);
  expect(budget.take("b", 5)).toBe(true);
  expect(budget.take("b", 1)).toBe(false);
  expect(budget.total).toBe(95);
});
