import { describe, expect, test } from "vitest";
import { ProviderError } from "../shared/errors.js";
import { VaultError } from "../vault/vault-error.js";
import { retryDelay } from "./retry-delay.js";

const second = 1000;
const outage = new VaultError("outage", "down");
const denied = new VaultError("denied", "no");
const quota = (retryAfterMs?: number) =>
  new VaultError("quota", "429", retryAfterMs === undefined ? {} : { retryAfterMs });

describe("a pod that waits for its first files", () => {
  test.each([
    ["an outage", outage, 1, 1],
    ["the hundredth outage", outage, 100, 1],
    ["an error of ours", new ProviderError("limit_exceeded", "full"), 1, 1],
    ["a denial", denied, 1, 30],
    ["a quota that names no time", quota(), 1, 1],
    ["a quota that asks for seven seconds", quota(7 * second), 1, 7],
    ["a quota that asks for an hour", quota(3600 * second), 1, 30],
  ])("rests after %s", (_what, error, failures, seconds) => {
    expect(retryDelay(error, failures, false, 0.5)).toBe(seconds * second);
  });
});

describe("one that is served held answers", () => {
  test.each([
    ["an outage", outage, 1, 3],
    ["the second", outage, 2, 5.5],
    ["the hundredth", outage, 100, 150.5],
    ["a denial", denied, 1, 30],
    ["the hundredth denial", denied, 100, 300],
    ["a quota that asks for a minute", quota(60 * second), 1, 60],
    ["a quota that asks for an hour", quota(3600 * second), 1, 300],
  ])("rests after %s", (_what, error, failures, seconds) => {
    expect(retryDelay(error, failures, true, 0.5)).toBe(seconds * second);
  });
});
