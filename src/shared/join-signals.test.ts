import { getEventListeners } from "node:events";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { expect, test } from "vitest";
import { raceAbort, joinSignals, withDeadline } from "./join-signals.js";

test("the first to abort gives its reason", () => {
  const [a, b] = [new AbortController(), new AbortController()];
  const { signal } = joinSignals(a.signal, b.signal);
  b.abort("b");
  a.abort("a");
  expect(signal.reason).toBe("b");
});

test("joining a signal that has aborted already is aborted", () => {
  expect(joinSignals(AbortSignal.abort("done")).signal.reason).toBe("done");
});

test("a release leaves no listener on a long-lived signal", () => {
  const long = new AbortController();
  for (let call = 0; call < 100; call += 1) joinSignals(long.signal, new AbortController().signal).release();
  expect(getEventListeners(long.signal, "abort")).toHaveLength(0);
});

test("a deadline aborts with its own reason", async () => {
  const clock = new FakeClock();
  const { signal, release } = withDeadline(new AbortController().signal, 1_000, () => new Error("too late"), clock);
  await clock.advance(999);
  expect(signal.aborted).toBe(false);
  await clock.advance(1);
  expect(signal.reason).toEqual(new Error("too late"));
  release();
});

test("a deadline that is released aborts nothing, and leaves no timer", async () => {
  const clock = new FakeClock();
  const { signal, release } = withDeadline(new AbortController().signal, 1_000, () => new Error("too late"), clock);
  expect(clock.timers).toBe(1);
  release();
  await clock.advance(2_000);
  expect(signal.aborted).toBe(false);
  expect(clock.timers).toBe(0);
});

test("a caller that abandons work returns at once, and leaves no listener", async () => {
  const deadline = new AbortController();
  const waiting = raceAbort(new Promise(() => {}), deadline.signal);
  deadline.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await raceAbort(Promise.resolve(1), new AbortController().signal);
  expect(getEventListeners(deadline.signal, "abort")).toHaveLength(0);
});

test("abandoned work may fail without ending the process", async () => {
  const unheard: unknown[] = [];
  const hear = (reason: unknown) => unheard.push(reason);
  process.on("unhandledRejection", hear);
  const failing = Promise.reject(new Error("abandoned"));
  await expect(raceAbort(failing, AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", hear);
  expect(unheard).toEqual([]);
});
