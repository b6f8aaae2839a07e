import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import { Redacted } from "../shared/redacted.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { Yielder, type YielderParts } from "./yielder.js";

const file = (path: string, bytes: number) => ({ path, mode: 0o644, contents: new Redacted(Buffer.alloc(bytes)) });

function paceOf(change: Partial<YielderParts> = {}): Yielder {
  return new Yielder({
    clock: new FakeClock(),
    scheduler: new EventLoopScheduler(),
    tenant: "shop",
    responseBytes: 1_000,
    made() {},
    ...change,
  });
}

/** Whether others had their turn before it went on. */
async function letsOthers(pace: Yielder): Promise<boolean> {
  let served = false;
  const others = setImmediate().then(() => (served = true));
  await pace.turn();
  const had = served;
  await others;
  return had;
}

test("others have their turn when a Mount has taken five milliseconds, and not before", async () => {
  const clock = new FakeClock();
  const pace = paceOf({ clock });
  expect(await letsOthers(pace)).toBe(false);
  await clock.advance(5);
  expect(await letsOthers(pace)).toBe(true);
  expect(await letsOthers(pace)).toBe(false);
});

test("a Mount of another namespace is next, however many objects one namespace has to make", async () => {
  const [clock, scheduler] = [new FakeClock(), new EventLoopScheduler()];
  const crowd = Array.from({ length: 8 }, () => paceOf({ clock, scheduler, tenant: "crowd" }));
  const victim = paceOf({ clock, scheduler });
  await clock.advance(5);
  let made = 0;
  const objects = crowd.flatMap((pace) =>
    Array.from({ length: 100 }, async () => {
      await pace.turn();
      made += 1;
      await clock.advance(5);
    }),
  );
  await victim.turn();
  expect(made).toBeLessThan(3);
  await Promise.all(objects);
});

test("what cannot be delivered is not made to its end", () => {
  const pace = paceOf();
  pace.add([file("a", 1_500)]);
  expect(() => pace.add([file("b", 600)])).toThrow("the largest: a (1500), b (600)");
});

test("what is made is told, and refused by whoever is told", () => {
  const told: number[] = [];
  const made = (bytes: number) => {
    if (told.push(bytes) > 1) throw new Error("no room");
  };
  const pace = paceOf({ made });
  pace.add([file("a", 100), file("b", 20)]);
  expect(() => pace.add([file("c", 7)])).toThrow("no room");
  expect(told).toEqual([120, 7]);
});
