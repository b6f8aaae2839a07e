import { beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { IdleSignal } from "./idle-signal.js";

let clock: FakeClock;
let idle: IdleSignal;
const caller = new AbortController().signal;
beforeEach(() => {
  clock = new FakeClock();
  idle = new IdleSignal(caller, 100, () => new Error("too late"), clock);
});

test.each<[string, () => void, number]>([
  ["from its start", () => {}, 40],
  ["from a renewal", () => idle.renew(), 100],
  ["from another allowance, which may be longer", () => idle.allow(300), 300],
  ["or shorter", () => idle.allow(10), 10],
  ["from the renewal of another allowance", () => (idle.allow(300), idle.renew()), 300],
])("it aborts when its time has passed %s", async (_from, change, leftMs) => {
  await clock.advance(60);
  change();
  await clock.advance(leftMs - 1);
  expect(idle.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(idle.signal.reason).toEqual(new Error("too late"));
});

test("released, it aborts no more, and leaves no timer", async () => {
  idle.allow(200);
  idle.release();
  expect(clock.timers).toBe(0);
  await clock.advance(300);
  expect(idle.signal.aborted).toBe(false);
});
