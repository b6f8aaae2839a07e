import { expect, test } from "vitest";
import { sleepBy } from "./clock.js";

const forever = new AbortController().signal;

/** Timers that end at what `passes` makes of their time, and what was asked of them. */
function timers(passes: (ms: number) => number) {
  let now = 1_000.25;
  const asked: number[] = [];
  const timer = (ms: number) => {
    asked.push(ms);
    now += passes(ms);
    return Promise.resolve();
  };
  return { asked, slept: () => now - 1_000.25, sleep: sleepBy(() => now, timer) };
}

test.each<[string, number, (ms: number) => number, number[]]>([
  ["in time", 5, (ms) => ms, [5]],
  ["a fraction of a millisecond long", 0.25, (ms) => ms, [1]],
  ["late", 5.5, (ms) => ms + 10, [6]],
  ["early by a millisecond and more", 188.75, (ms) => Math.max(0.25, ms - 1.5), [189, 2, 1, 1, 1]],
  ["longer than a timer can be", 2 ** 31 + 4, (ms) => ms, [2 ** 31 - 1, 5]],
  ["of no time", 0, (ms) => ms, []],
])("a sleep whose timers are %s is slept to its end", async (_what, ms, passes, asked) => {
  const given = timers(passes);
  await given.sleep(ms, forever);
  expect(given.slept()).toBeGreaterThanOrEqual(ms);
  expect(given.asked).toEqual(asked);
});

test("a sleep ends with the signal's reason, and an aborted signal lets none begin", async () => {
  const abort = new AbortController();
  const sleep = sleepBy(
    () => 0,
    () => {
      abort.abort(new Error("over"));
      return Promise.reject(new Error("AbortError of the timer"));
    },
  );
  await expect(sleep(10, abort.signal)).rejects.toThrow("over");
  await expect(sleep(10, abort.signal)).rejects.toThrow("over");
});

test("what else ends a timer is thrown as it is", async () => {
  const sleep = sleepBy(
    () => 0,
    () => Promise.reject(new Error("no timers")),
  );
  await expect(sleep(10, forever)).rejects.toThrow("no timers");
});
