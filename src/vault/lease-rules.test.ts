import { describe, expect, test } from "vitest";
import { leaseRules } from "./lease-rules.js";
import { endOf, newTerm, renewalAt, replacementAt } from "./term.js";

const minute = 60_000;
const hour = 60 * minute;

test("pods are republished within the driver's interval and three minutes", () => {
  const rules = leaseRules({ driverPollIntervalMs: 2 * minute, maxOrphanMs: hour });
  expect(rules).toEqual({ maxOrphanMs: hour, leadMs: 5 * minute, renewFrom: 0.6, mountWithinMs: 0, syncs: false });
});

describe.each([12 * hour, hour, minute])("a sync controller with an interval of %d ms", (interval) => {
  const rules = leaseRules({ driverPollIntervalMs: 2 * minute, maxOrphanMs: hour, syncPollIntervalMs: interval });
  const least = (draw: number) =>
    newTerm({ requestedAt: 0, durationMs: 2 * rules.leadMs, renewable: true }, rules, draw);

  test("needs twice the interval, and a tenth for Mounts that come late", () => {
    expect(2 * rules.leadMs).toBeCloseTo(2.2 * interval);
  });

  test("is given grants that last from a renewal that turns out the last until a Mount", () => {
    for (const draw of [0, 0.999]) expect(endOf(least(draw)) - renewalAt(least(draw))).toBeGreaterThan(rules.leadMs);
  });

  test("is given renewals of as much, whatever may be orphaned elsewhere", () => {
    const long = newTerm({ requestedAt: 0, durationMs: 32 * 24 * hour, renewable: true }, rules, 0);
    expect(long.askMs).toBe(Math.max(hour, 2 * rules.leadMs));
  });

  test("has a whole interval for a replacement", () => {
    const last = { ...least(0), renewable: false };
    expect(endOf(last) - replacementAt(last, rules.leadMs)).toBeGreaterThan(interval);
  });
});
