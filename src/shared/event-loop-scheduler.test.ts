import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { EventLoopScheduler } from "./event-loop-scheduler.js";

/** Everybody waits for a turn at once; gives the order in which they had them, by the tenants' names. */
async function order(tenants: string, scheduler = new EventLoopScheduler(new FakeClock())): Promise<string> {
  let served = "";
  await Promise.all([...tenants].map((tenant) => scheduler.turn(tenant).then(() => (served += tenant))));
  return served;
}

test.each([
  ["aaaaab", "abaaaa"],
  ["aaabbbc", "abcabab"],
  ["abc", "abc"],
])("of %s in one line, the turns are %s", async (tenants, turns) => {
  expect(await order(tenants)).toBe(turns);
});

test("a tenant that arrives while another has a hundred waiting is next", async () => {
  const scheduler = new EventLoopScheduler(new FakeClock());
  let served = 0;
  const crowd = Array.from({ length: 100 }, () => scheduler.turn("crowd").then(() => (served += 1)));
  await crowd[9];
  await scheduler.turn("shop");
  expect(served).toBe(10);
  await Promise.all(crowd);
});

test("a tenant that always comes back does not keep others from their turns", async () => {
  const scheduler = new EventLoopScheduler(new FakeClock());
  const crowd = Array.from({ length: 3 }, () => scheduler.turn("crowd"));
  let rounds = 0;
  const again = async (): Promise<void> => {
    rounds += 1;
    if (rounds < 50) await scheduler.turn("shop").then(again);
  };
  await Promise.all([Promise.all(crowd).then(() => expect(rounds).toBeLessThan(6)), again()]);
});

test("what others wait for goes before what else its tenant has waiting", async () => {
  const scheduler = new EventLoopScheduler(new FakeClock());
  const served: string[] = [];
  const wait = (what: string, options?: { first: boolean }) =>
    scheduler.turn("shop", options).then(() => served.push(what));
  await Promise.all([
    wait("files"),
    wait("more files"),
    wait("an answer", { first: true }),
    wait("another", { first: true }),
  ]);
  expect(served).toEqual(["an answer", "another", "files", "more files"]);
});

test.each([
  ["a short piece is followed at once", "aaa", 8, "a0 a8 a16"],
  ["after a long one its tenant rests as long", "aaa", 10, "a0 a20 a40"],
  ["but not longer than 50 ms", "aa", 200, "a0 a250"],
  ["meanwhile another has its turn", "aaab", 10, "a0 b10 a20 a40"],
])("%s", async (_what, tenants, ms, begun) => {
  let now = 0;
  let alarm: { at: number; ring: () => void } | undefined;
  const scheduler = new EventLoopScheduler({
    monotonic: () => now,
    timer: (inMs, ring) => {
      alarm = { at: now + inMs, ring };
      return { refresh: () => undefined, close: () => (alarm = undefined) };
    },
  });
  const pieces: string[] = [];
  const all = [...tenants].map(async (tenant) => {
    await scheduler.turn(tenant);
    pieces.push(`${tenant}${now}`);
    now += ms;
  });
  while (pieces.length < tenants.length) {
    for (let round = 0; round < 10; round += 1) await setImmediate();
    if (!alarm) continue;
    now = Math.max(now, alarm.at);
    const { ring } = alarm;
    alarm = undefined;
    ring();
  }
  await Promise.all(all);
  expect(pieces.join(" ")).toBe(begun);
});

test("who arrives while all others rest is next", async () => {
  const clock = new FakeClock();
  let now = 0;
  const scheduler = new EventLoopScheduler({ monotonic: () => now, timer: (ms, then) => clock.timer(ms, then) });
  const long = async () => {
    await scheduler.turn("crowd");
    now += 40;
  };
  const crowd = Promise.all([long(), long()]);
  for (let round = 0; round < 10; round += 1) await setImmediate();
  await scheduler.turn("shop");
  now += 40;
  await clock.advance(40);
  await crowd;
});

test("one has its turn in each round of the loop, so that others get on in between", async () => {
  const scheduler = new EventLoopScheduler(new FakeClock());
  let served = 0;
  const all = Promise.all(Array.from({ length: 4 }, () => scheduler.turn("shop").then(() => (served += 1))));
  await setImmediate();
  expect(served).toBeLessThanOrEqual(2);
  await all;
});
