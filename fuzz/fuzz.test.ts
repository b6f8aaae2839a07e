import { expect, test } from "vitest";
import { fuzz } from "./fuzz.js";
import { targets } from "./targets.js";

test.each(targets)(
  "$name: nothing a stranger sends breaks a promise",
  async (target) => {
    const { cases, failure } = await fuzz(target, { seeds: [1], casesPerSeed: 15, enough: () => false });
    expect(failure).toBeUndefined();
    expect(cases).toBe(15 + target.regressions.length);
  },
  180_000,
);
