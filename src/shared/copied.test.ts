import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { copied } from "./copied.js";

test.each(["", "a", "a word of some length, and more", "\ud800 lone", "ünïcödé — 日本語日本語日本語"])(
  "%j is the same",
  (text) => {
    expect(copied(text)).toBe(text);
  },
);

test("a piece does not keep the text it was cut out of", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const before = process.memoryUsage().heapUsed;
  const pieces = Array.from({ length: 64 }, (_, index) => copied(`${index}`.padEnd(1 << 20, "x").slice(0, 20)));
  collect();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(16 << 20);
  expect(pieces).toHaveLength(64);
});
