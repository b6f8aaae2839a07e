import { describe, expect, test } from "vitest";
import { usualRules } from "../../dev/testing/test-credentials.js";
import { type Term, endOf, isShort, newTerm, renewalAt, renewed, replacementAt, unrenewable } from "./term.js";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const leadMs = 5 * minute;

const granted = (durationMs: number, renewable = true, draw = 0): Term =>
  newTerm({ requestedAt: 0, durationMs, renewable }, usualRules, draw);

describe("a grant", () => {
  test.each([
    ["the earliest draw", 0, 36],
    ["the latest draw", 1, 43.2],
  ])("of an hour is renewed at %s", (_draw, draw, minutes) => {
    expect(renewalAt(granted(hour, true, draw))).toBeCloseTo(minutes * minute);
  });

  test("is renewed for as long as it was granted, and for no more than may be orphaned", () => {
    expect(granted(10 * minute).askMs).toBe(10 * minute);
    expect(granted(32 * day).askMs).toBe(hour);
  });

  test("that never ends is neither renewed nor replaced", () => {
    const root = granted(0, false);
    expect([endOf(root), renewalAt(root), replacementAt(root, leadMs)]).toEqual([Infinity, Infinity, Infinity]);
  });
});

describe("a renewal", () => {
  test("moves the end", () => {
    const term = renewed(granted(hour), { requestedAt: 40 * minute, durationMs: hour, renewable: true });
    expect(endOf(term)).toBe(100 * minute);
    expect(replacementAt(term, leadMs)).toBeCloseTo(88 * minute);
  });

  test.each([
    ["a little less, as clocks and seconds go", 59 * minute, true],
    ["less than nine tenths: the ceiling is near", 50 * minute, false],
  ])("that grants %s", (_what, durationMs, goesOn) => {
    const term = renewed(granted(hour), { requestedAt: 40 * minute, durationMs, renewable: true });
    expect(Number.isFinite(renewalAt(term))).toBe(goesOn);
  });

  test("of a grant of weeks asks for an hour, and is none the less whole", () => {
    const term = renewed(granted(32 * day), { requestedAt: 20 * day, durationMs: hour, renewable: true });
    expect(renewalAt(term)).toBeCloseTo(20 * day + 0.6 * hour);
  });

  test.each([
    ["what ends: not even a second was left, and it is replaced at once", hour, hour, false],
    ["what never ends: it still does not", 0, Infinity, true],
  ])("that grants 0 s to %s", (_what, first, replacedBy, goesOn) => {
    const term = renewed(granted(first), { requestedAt: hour, durationMs: 0, renewable: true });
    expect(replacementAt(term, leadMs)).toBeLessThanOrEqual(replacedBy);
    expect(term.renewable && endOf(term) === Infinity).toBe(goesOn);
  });

  test("that Vault says was the last is the last", () => {
    const term = renewed(granted(hour), { requestedAt: 40 * minute, durationMs: hour, renewable: false });
    expect(renewalAt(term)).toBe(Infinity);
  });
});

/** Of what is renewed no more: how long it is granted, and how long before its end another should take its place. */
test.each([
  ["a day: a fifth of it", day, 4.8 * 60],
  ["an hour: a fifth of it", hour, 12],
  ["a quarter of an hour: the lead", 15 * minute, 5],
  ["eight minutes: half of it", 8 * minute, 4],
  ["two minutes: half of it", 2 * minute, 1],
])("replaced before its end: %s", (_life, durationMs, minutes) => {
  const term = granted(durationMs, false);
  expect(endOf(term) - replacementAt(term, leadMs)).toBeCloseTo(minutes * minute);
});

test("cut off at its ceiling, it is replaced as long before as its usual life asks", () => {
  const term = renewed(granted(hour), { requestedAt: 0, durationMs: 30 * minute, renewable: true });
  expect(replacementAt(term, leadMs)).toBeCloseTo(18 * minute);
});

test("what could be renewed, and has not been, is replaced in its last fifth", () => {
  expect(replacementAt(granted(hour), leadMs)).toBeCloseTo(48 * minute);
});

test("refused a renewal, it is replaced before its end", () => {
  expect(replacementAt(unrenewable(granted(hour)), leadMs)).toBeCloseTo(48 * minute);
});

test("lives shorter than twice the lead are too short for a file", () => {
  expect([isShort(granted(9 * minute), leadMs), isShort(granted(10 * minute), leadMs)]).toEqual([true, false]);
});
