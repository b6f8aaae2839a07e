import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { Redacted } from "../shared/redacted.js";
import { FakeClock } from "../testing/fake-clock.js";
import { Pace } from "./pace.js";

const file = (path: string, bytes: number) => ({ path, mode: 0o644, contents: new Redacted(Buffer.alloc(bytes)) });

/** Whether others had their turn before it went on. */
async function letsOthers(pace: Pace): Promise<boolean> {
  let served = false;
  const others = setImmediate().then(() => (served = true));
  await pace.pause();
  const had = served;
  await others;
  return had;
}

test("others have their turn when a Mount has taken five milliseconds, and not before", async () => {
  const clock = new FakeClock();
  const pace = new Pace(clock, 1_000);
  expect(await letsOthers(pace)).toBe(false);
  await clock.advance(5);
  expect(await letsOthers(pace)).toBe(true);
  expect(await letsOthers(pace)).toBe(false);
});

test("what cannot be delivered is not made to its end", () => {
  const pace = new Pace(new FakeClock(), 1_000);
  pace.keep([file("a", 1_500)]);
  expect(() => pace.keep([file("b", 600)])).toThrow("the largest: a (1500), b (600)");
});
