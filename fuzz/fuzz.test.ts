import { expect, test } from "vitest";
import { hunt } from "./hunt.js";
import { targets } from "./targets.js";

test.each(targets)(
  "$name: nothing a stranger sends breaks a promise",
  async (target) => {
    const { cases, failure } = await hunt(target, { seeds: [1], casesPerSeed: 30, enough: () => false });
    expect(failure).toBeUndefined();
    expect(cases).toBe(30 + target.known.length);
  },
  60_000,
);
