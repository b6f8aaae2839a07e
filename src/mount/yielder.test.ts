import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import { Redacted } from "../shared/redacted.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { Yielder, type YielderParts } from "./yielder.js";

const file = (path: string, bytes: number) => ({ path, mode: 0o644, contents: new Redacted(Buffer.alloc(bytes)) });

function yielderOf(change: Partial<YielderParts> = {}): Yielder {
  return new Yielder({
    clock: new FakeClock(),
    scheduler: new EventLoopScheduler(new FakeClock()),
    tenant: "shop",
    responseBytes: 1_000,
    made() {},
    ...change,
  });
}

/** Whether others had their turn before it went on. */
async function letsOthers(yielder: Yielder): Promise<boolean> {
  let served = false;
  const others = setImmediate().then(() => (served = true));
  await yielder.turn();
  const had = served;
  await others;
  return had;
}

test("others have their turn when a Mount has taken five milliseconds, and not before", async () => {
  const clock = new FakeClock();
  const yielder = yielderOf({ clock });
  expect(await letsOthers(yielder)).toBe(false);
  await clock.advance(5);
  expect(await letsOthers(yielder)).toBe(true);
  expect(await letsOthers(yielder)).toBe(false);
});

test("a Mount of another namespace is next, however many objects one namespace has to make", async () => {
  const [clock, scheduler] = [new FakeClock(), new EventLoopScheduler(new FakeClock())];
  const crowd = Array.from({ length: 8 }, () => yielderOf({ clock, scheduler, tenant: "crowd" }));
  const victim = yielderOf({ clock, scheduler });
  await clock.advance(5);
  let made = 0;
  const objects = crowd.flatMap((yielder) =>
    Array.from({ length: 100 }, async () => {
      await yielder.turn();
      made += 1;
      await clock.advance(5);
    }),
  );
  await victim.turn();
  expect(made).toBeLessThan(3);
  await Promise.all(objects);
});

test("what cannot be delivered is not made to its end", () => {
  const yielder = yielderOf();
  yielder.add([file("a", 1_500)]);
  expect(() => yielder.add([file("b", 600)])).toThrow("the largest: a (1500), b (600)");
});

test("the bytes of made files are reported, and the receiver may refuse them", () => {
  const told: number[] = [];
  const made = (bytes: number) => {
    if (told.push(bytes) > 1) throw new Error("no room");
  };
  const yielder = yielderOf({ made });
  yielder.add([file("a", 100), file("b", 20)]);
  expect(() => yielder.add([file("c", 7)])).toThrow("no room");
  expect(told).toEqual([120, 7]);
});
