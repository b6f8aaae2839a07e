import { describe, expect, test } from "vitest";
import { type RenewalGroup, RenewalSlots } from "./renewal-slots.js";

const group = (path: string, pool = "leases of main"): RenewalGroup => ({ pool, engine: path.split("/")[0]!, path });

/** How many of a hundred get a slot. */
function taken(slots: RenewalSlots, of: (n: number) => RenewalGroup): number {
  return Array.from({ length: 100 }, (_, n) => slots.take(of(n))).filter(Boolean).length;
}

/** One renewal of each path has failed. */
function failed(...paths: string[]): RenewalSlots {
  const slots = new RenewalSlots();
  for (const path of paths) {
    const one = group(path);
    slots.take(one);
    slots.release(one, true);
  }
  return slots;
}

test.each<[string, RenewalSlots, (n: number) => RenewalGroup, number]>([
  ["one engine", new RenewalSlots(), () => group("db/app"), 6],
  ["one engine's many roles", new RenewalSlots(), (n) => group(`db/${n}`), 6],
  ["many engines", new RenewalSlots(), (n) => group(`db-${n}/app`), 8],
  ["two pools", new RenewalSlots(), (n) => group("db/app", `pool ${n % 2}`), 12],
  ["a role that fails", failed("db/app"), () => group("db/app"), 2],
  ["many that fail", failed(...Array.from({ length: 100 }, (_, n) => `db-${n}/app`)), (n) => group(`db-${n}/app`), 4],
  ["others beside one that fails", failed("db/app"), (n) => group(`db-${n}/app`), 8],
])("%s: so many at once", (_what, slots, of, expected) => {
  expect(taken(slots, of)).toBe(expected);
});

describe("what has failed", () => {
  test("has its slots again once a renewal succeeds", () => {
    const slots = failed("db/app");
    const one = group("db/app");
    slots.take(one);
    slots.release(one, false);
    expect(taken(slots, () => group("db/app"))).toBe(6);
  });

  test("leaves half of the slots to others", () => {
    const slots = failed("a/app", "b/app", "c/app");
    const failing = taken(slots, (n) => group(`${"abc"[n % 3]}/app`));
    expect([failing, taken(slots, (n) => group(`well-${n}/app`))]).toEqual([4, 4]);
  });
});
