import { inspect } from "node:util";
import { expect, test } from "vitest";
import { ProviderError } from "./errors.js";
import { Redacted } from "./redacted.js";

test.each<[string, unknown, string, string]>([
  ["ours pass through", new ProviderError("not_found", "no such path"), "not_found", "no such path"],
  ["a stranger's text stays home", new Error("Bearer s.token"), "internal", "internal error"],
  ["what is no error at all", "s.token", "internal", "internal error"],
  ["a timeout", new DOMException("x", "TimeoutError"), "deadline_exceeded", "the operation timed out"],
  ["an abort", new DOMException("x", "AbortError"), "cancelled", "the operation was cancelled"],
  [
    "an abort that carries our reason",
    Object.assign(new Error("aborted", { cause: new ProviderError("unavailable", "stopping") }), {
      name: "AbortError",
    }),
    "unavailable",
    "stopping",
  ],
])("%s", (_name, reason, code, message) => {
  expect(ProviderError.from(reason)).toMatchObject({ code, message });
});

test("a secret prints nowhere", () => {
  const secret = new Redacted("s3cret");
  const printed = [
    String(secret),
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true }),
    Object.keys(secret).join(),
  ];
  expect(printed.join()).not.toContain("s3cret");
  expect(secret.reveal()).toBe("s3cret");
});

test.each(["kv/\u202eppa", "role \u001b[2J", "a\u2028b\u0000c\u200b"])(
  "%j in a message acts on no terminal",
  (name) => {
    const { message } = new ProviderError("not_found", `nothing at ${name}`);
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(JSON.parse(`"${message}"`)).toBe(`nothing at ${name}`);
  },
);

test("a message is bounded", () => {
  const { message } = new ProviderError("invalid_request", "ü".repeat(1_000_000));
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(8_192);
  expect(message).toMatch(/^ü{4000,}…$/);
});

test("only a fault of our own has a stack, for V8 keeps with one what its functions refer to", () => {
  expect(new ProviderError("not_found", "nothing there").stack).toBe("ProviderError: nothing there");
  expect(ProviderError.from(new TypeError("x")).stack).toMatch(/\n {4}at /);
  expect(new Error("x").stack).toMatch(/\n {4}at /);
});
