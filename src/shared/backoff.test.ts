import { expect, test } from "vitest";
import { backoff } from "./backoff.js";

const minute = 60_000;

test.each([
  ["the first failure, the latest draw", 1, 60 * minute, 0.999, 4_995],
  ["the second", 2, 60 * minute, 0.5, 5_000],
  ["the tenth: never above five minutes", 10, 60 * minute, 0.5, 150_000],
  ["an unlucky draw: never below a second", 10, 60 * minute, 0, 1_000],
  ["near the end: a quarter of what is left", 10, minute, 0.9, 15_000],
  ["past the end, nothing is urgent", 3, -minute, 0.9, 18_000],
  ["as long as Vault asks, and spread after that", 1, 60 * minute, 0.5, 62_500, minute],
  ["as long as Vault asks, but never above five minutes and the spread", 1, 60 * minute, 0, 5 * minute, 60 * minute],
  ["as long as Vault asks, but no more than a quarter of what is left", 1, minute, 0.5, 15_000, minute],
  ["as long as Vault asks, past the end, too", 1, -minute, 0, minute, minute],
])("%s", (_what, failures, leftMs, draw, ms, requestedMs = 0) => {
  expect(backoff(failures, leftMs, draw, requestedMs)).toBeCloseTo(ms);
});
