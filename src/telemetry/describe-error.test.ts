import { connect } from "node:net";
import { expect, test } from "vitest";
import { ProviderError } from "../shared/errors.js";
import { describeError } from "./describe-error.js";

const canary = "hvs.canary";

class Odd extends Error {
  override readonly name = canary;
  readonly code = `E ${canary}`;
  readonly syscall = canary;
  readonly address = `https://${canary}@host`;
}

/** As a stranger's error is that was thrown nowhere we know. */
function placeless<E extends Error>(error: E): E {
  error.stack = `${error.name}: ${error.message}`;
  return error;
}

test.each<[string, unknown, string]>([
  ["our own words", new ProviderError("not_found", "no key x at kv/app"), "no key x at kv/app"],
  ["a stranger's class alone", placeless(new TypeError(canary)), "TypeError"],
  [
    "a stranger's code",
    placeless(Object.assign(new Error(canary), { code: "CERT_HAS_EXPIRED" })),
    "Error CERT_HAS_EXPIRED",
  ],
  ["grpc's number", placeless(Object.assign(new Error(canary), { code: 14 })), "Error 14"],
  ["no field that is not what it should be", placeless(new Odd(canary)), "Error"],
  ["what is no error", canary, "string"],
  ["nothing", undefined, "undefined"],
])("says %s", (_name, error, words) => {
  expect(describeError(error)).toEqual({ error: words });
});

test("names the peer that could not be reached", async () => {
  const error = await new Promise((resolve) => connect(1, "127.0.0.1").once("error", resolve));
  expect(describeError(error)).toEqual({ error: "Error connect ECONNREFUSED 127.0.0.1 1" });
});

test("tells where an unexpected error was thrown, and not its message", () => {
  const { error } = describeError(new TypeError(`${canary}\n    at ${canary}:1:2\n    at x (${canary}:1:2)`));
  expect(error).toMatch(/^TypeError at describe-error\.test\.ts:\d+:\d+( < [\w.-]+:\d+:\d+){0,2}$/);
});

test("follows causes, each in its own words", () => {
  const refused = placeless(Object.assign(new Error(canary), { code: "ECONNREFUSED", syscall: "connect" }));
  const reset = placeless(Object.assign(new Error(canary), { code: "ECONNRESET" }));
  const both = placeless(new AggregateError([refused, reset], canary));
  const error = new ProviderError("unavailable", "vault cannot be reached", { cause: both });
  expect(describeError(error)).toEqual({
    error: "vault cannot be reached",
    causes: ["AggregateError", "Error connect ECONNREFUSED", "Error ECONNRESET"],
  });
});

test("ends where causes form a cycle", () => {
  const error = placeless(new Error(canary));
  error.cause = error;
  expect(describeError(error).causes).toEqual(["Error", "Error", "Error", "Error", "Error"]);
});
