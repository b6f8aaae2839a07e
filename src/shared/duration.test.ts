import { expect, test } from "vitest";
import { durationText, parseDuration } from "./duration.js";

test.each([
  [95_040_000, "26h24m"],
  [3_630_000, "1h30s"],
  [90_000, "1m30s"],
  [30_000, "30s"],
  [1_200, "2s"],
  [0, "1s"],
])("%d ms is %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
  expect(parseDuration(text)).toBe(Math.max(1_000, Math.ceil(ms / 1_000) * 1_000));
});
