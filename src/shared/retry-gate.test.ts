import { expect, test } from "vitest";
import { RetryGate } from "./retry-gate.js";

const enough = 1 << 20;

test("a failed operation is held back for the given delay, longer after each failure in a row", () => {
  const attempts = new RetryGate(enough);
  const delay = (failures: number) => failures * 100;
  const [first, second] = [new Error("first"), new Error("second")];
  attempts.failed("k", first, 0, delay);
  expect([attempts.tooEarly("k", 99), attempts.tooEarly("k", 100)]).toEqual([first, undefined]);
  attempts.failed("k", second, 100, delay);
  expect([attempts.tooEarly("k", 299), attempts.tooEarly("k", 300)]).toEqual([second, undefined]);
});

test("a success forgets the failures", () => {
  const attempts = new RetryGate(enough);
  attempts.failed("k", new Error(), 0, () => 100);
  attempts.succeeded("k");
  expect(attempts.tooEarly("k", 0)).toBeUndefined();
});

test.each([
  ["keys", (name: string) => ({ key: name.repeat(10_000), message: "" })],
  ["messages", (name: string) => ({ key: name, message: name.repeat(10_000) })],
])("no more failures are remembered than there is room for their %s", (_what, of) => {
  const attempts = new RetryGate(64 << 10);
  const failures = [..."abcd"].map(of);
  for (const { key, message } of failures) attempts.failed(key, new Error(message), 0, () => 100);
  expect(failures.map(({ key }) => attempts.tooEarly(key, 0) !== undefined)).toEqual([false, true, true, true]);
});

test("one failure after another of the same operation takes the room of one", () => {
  const attempts = new RetryGate(4 << 10);
  attempts.failed("other", new Error(), 0, () => 100);
  for (let times = 0; times < 100; times += 1) attempts.failed("k", new Error(), 0, () => 100);
  expect(attempts.tooEarly("other", 0)).toBeDefined();
});
