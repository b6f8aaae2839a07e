import { expect, test } from "vitest";
import { SingleFlight } from "./single-flight.js";

const never = new AbortController().signal;

/** Work that ends when told to. */
function work() {
  let finish: (value: string) => void = () => {};
  let fail: (error: Error) => void = () => {};
  let signal: AbortSignal | undefined;
  let started = 0;
  const start = (given: AbortSignal) => {
    started += 1;
    signal = given;
    return new Promise<string>((resolve, reject) => {
      finish = resolve;
      fail = reject;
    });
  };
  return {
    start,
    finish: (v: string) => finish(v),
    fail: (e: Error) => fail(e),
    signal: () => signal!,
    started: () => started,
  };
}

test("concurrent askers share one run, and nothing is remembered after it", async () => {
  const shared = new SingleFlight<string>();
  const one = work();
  const asked = [
    shared.run("k", one.start, { lasting: () => false }, never),
    shared.run("k", one.start, { lasting: () => false }, never),
  ];
  one.finish("done");
  expect(await Promise.all(asked)).toEqual(["done", "done"]);
  expect([one.started(), shared.size]).toEqual([1, 0]);
});

test("a failure reaches all who wait and is forgotten", async () => {
  const shared = new SingleFlight<string>();
  const one = work();
  const asked = [
    shared.run("k", one.start, { lasting: () => false }, never),
    shared.run("k", one.start, { lasting: () => false }, never),
  ];
  one.fail(new Error("no"));
  for (const waiting of asked) await expect(waiting).rejects.toThrow("no");
  expect(shared.size).toBe(0);
});

test("a waiter gives up by itself; the work ends with the last", async () => {
  const shared = new SingleFlight<string>();
  const one = work();
  const [first, second] = [new AbortController(), new AbortController()];
  const asked = [
    shared.run("k", one.start, { lasting: () => false }, first.signal),
    shared.run("k", one.start, { lasting: () => false }, second.signal),
  ];
  first.abort(new Error("first gave up"));
  await expect(asked[0]).rejects.toThrow("first gave up");
  expect(one.signal().aborted).toBe(false);
  second.abort(new Error("second gave up"));
  await expect(asked[1]).rejects.toThrow("second gave up");
  expect(one.signal().aborted).toBe(true);
});

test("a late-comer does not join work that is being aborted", async () => {
  const shared = new SingleFlight<string>();
  const [old, fresh] = [work(), work()];
  const first = new AbortController();
  const abandoned = shared.run("k", old.start, { lasting: () => false }, first.signal);
  first.abort(new Error("gave up"));
  await expect(abandoned).rejects.toThrow("gave up");
  const late = shared.run("k", fresh.start, { lasting: () => false }, never);
  old.fail(new Error("aborted"));
  fresh.finish("fresh");
  expect(await late).toBe("fresh");
});

test("lasting work goes on without waiters, and can be joined again", async () => {
  const shared = new SingleFlight<string>();
  const one = work();
  const first = new AbortController();
  const abandoned = shared.run("k", one.start, { lasting: () => true }, first.signal);
  first.abort(new Error("gave up"));
  await expect(abandoned).rejects.toThrow("gave up");
  const late = shared.run("k", one.start, { lasting: () => true }, never);
  one.finish("done");
  expect(await late).toBe("done");
  expect(one.started()).toBe(1);
});
