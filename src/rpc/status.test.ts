import { status } from "@grpc/grpc-js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ErrorCode, ProviderError } from "../shared/errors.js";
import { finalStatus, madeFinal } from "./status.js";

/** kubelet csi_client.go isFinalError. */
const notFinal = [
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.UNAVAILABLE,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
];

test.each<[ErrorCode, status]>([
  ["invalid_request", status.INVALID_ARGUMENT],
  ["unauthenticated", status.UNAUTHENTICATED],
  ["permission_denied", status.PERMISSION_DENIED],
  ["not_found", status.NOT_FOUND],
  ["unavailable", status.FAILED_PRECONDITION],
  ["limit_exceeded", status.FAILED_PRECONDITION],
  ["deadline_exceeded", status.FAILED_PRECONDITION],
  ["cancelled", status.FAILED_PRECONDITION],
  ["internal", status.INTERNAL],
])("%s leaves as %i, which is final", (code, sent) => {
  expect(finalStatus(new ProviderError(code, "why"))).toEqual({ code: sent, details: "why" });
  expect(notFinal).not.toContain(sent);
});

test("what grpc-js would send by itself is made final, and only that", () => {
  const all = Object.values(status).filter((code): code is status => typeof code === "number");
  for (const code of all) {
    const sent = madeFinal({ code, details: "why" });
    expect(sent).toEqual({ code: notFinal.includes(code) ? status.FAILED_PRECONDITION : code, details: "why" });
  }
});

describe("a message", () => {
  const sent = (message: string) => finalStatus(new ProviderError("internal", message)).details;

  test.each([
    ["keeps letters of all scripts", "paßwort 密码 🔑", "paßwort 密码 🔑"],
    ["loses line ends", "a\nb\n\tc", "a b c"],
    ["shows what would act on a terminal", "a\u0000\u001b[31m\u0085\u202eb", "a\\u0000\\u001b[31m\\u0085\\u202eb"],
    ["has lone surrogates replaced, on which grpc-js would fail", "a\ud800b", "a\ufffdb"],
  ])("%s", (_name, message, details) => {
    expect(sent(message)).toBe(details);
  });

  test("is cut to what a header takes, between characters", () => {
    const details = sent("🔑".repeat(5_000));
    expect(Buffer.byteLength(details)).toBeLessThanOrEqual(4_096);
    expect(details).toMatch(/^(🔑)+…$/u);
  });

  test("of any text can be sent", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 6_000 }), (message) => {
        const details = sent(message);
        expect(() => encodeURI(details)).not.toThrow();
        expect(Buffer.byteLength(details)).toBeLessThanOrEqual(4_096);
      }),
    );
  });
});
