import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { EventLoopScheduler } from "./event-loop-scheduler.js";

/** Everybody waits for a turn at once; gives the order in which they had them, by the tenants' names. */
async function order(tenants: string, scheduler = new EventLoopScheduler()): Promise<string> {
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
  const scheduler = new EventLoopScheduler();
  let served = 0;
  const crowd = Array.from({ length: 100 }, () => scheduler.turn("crowd").then(() => (served += 1)));
  await crowd[9];
  await scheduler.turn("shop");
  expect(served).toBe(10);
  await Promise.all(crowd);
});

test("a tenant that always comes back does not keep others from their turns", async () => {
  const scheduler = new EventLoopScheduler();
  const crowd = Array.from({ length: 3 }, () => scheduler.turn("crowd"));
  let rounds = 0;
  const again = async (): Promise<void> => {
    rounds += 1;
    if (rounds < 50) await scheduler.turn("shop").then(again);
  };
  await Promise.all([Promise.all(crowd).then(() => expect(rounds).toBeLessThan(6)), again()]);
});

test("what others wait for goes before what else its tenant has waiting", async () => {
  const scheduler = new EventLoopScheduler();
  const served: string[] = [];
  const wait = (what: string, options?: { first: boolean }) =>
    scheduler.turn("shop", options).then(() => served.push(what));
  await Promise.all([wait("files"), wait("more files"), wait("an answer", { first: true })]);
  expect(served).toEqual(["an answer", "files", "more files"]);
});

test("one has its turn in each round of the loop, so that others get on in between", async () => {
  const scheduler = new EventLoopScheduler();
  let served = 0;
  const all = Promise.all(Array.from({ length: 4 }, () => scheduler.turn("shop").then(() => (served += 1))));
  await setImmediate();
  expect(served).toBeLessThanOrEqual(2);
  await all;
});
