import fc from "fast-check";
import { expect, test } from "vitest";
import { SmallSet } from "./small-set.js";

const members = ["a", "b", "c"].map((name) => ({ name }));
const steps = fc.array(fc.record({ act: fc.constantFrom("add", "delete"), member: fc.constantFrom(...members) }));

test("it has the members of a Set, in its order", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const [small, set] = [new SmallSet<{ name: string }>(), new Set<{ name: string }>()];
      for (const { act, member } of taken) {
        small[act](member);
        set[act](member);
        expect([...small]).toEqual([...set]);
        expect(small.size).toBe(set.size);
        expect(members.map((one) => small.has(one))).toEqual(members.map((one) => set.has(one)));
      }
    }),
  );
});

test("a member may go while all are visited", () => {
  const small = new SmallSet<{ name: string }>();
  for (const member of members) small.add(member);
  for (const member of small) small.delete(member);
  expect(small.size).toBe(0);
});
