import { expect, test } from "vitest";
import { Redacted } from "../shared/redacted.js";
import { captureLog } from "../testing/capture-log.js";

test("writes one line of JSON for each call, with its level in words and its time", () => {
  const { log, text, lines } = captureLog();
  log.child({ pod: "web-1" }).info({ files: 2 }, "answered");
  expect(text().endsWith("}\n")).toBe(true);
  expect(lines()).toEqual([
    { level: "info", time: expect.stringMatching(/^\d{4}-.*Z$/) as string, pod: "web-1", files: 2, msg: "answered" },
  ]);
});

test.each([
  ["info", ["info", "warn"]],
  ["error", []],
  ["silent", []],
] as const)("at level %s writes %j", (level, written) => {
  const { log, lines } = captureLog(level);
  log.debug("debug");
  log.info("info");
  log.warn("warn");
  expect(lines().map(({ msg }) => msg)).toEqual(written);
});

const part = Buffer.from(JSON.stringify({ alg: "RS256", sub: "system:serviceaccount:a:b" })).toString("base64url");

test.each([
  ["a JWT", `${part}.${part}.c2lnbmF0dXJl`],
  ["a service token", "hvs.CAESIJ1x2y3z4a5b6c7d8e9f0"],
  ["a batch token", "hvb.AAAAAQJ1x2y3z4a5b6c7d8e9f0"],
  ["a token of before 1.10", "s.6H4YKBnvlKV1Q2O0XrIhhpbd"],
  ["a private key", `-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIB\n-----END EC PRIVATE KEY-----`],
])("takes out %s, wherever it slipped in", (_what, secret) => {
  const { log, text, lines } = captureLog();
  log.info({ note: secret, deep: [{ er: `x ${secret}` }] }, `saw ${secret} pass`);
  const pieces = secret.split("\n").flatMap((line) => line.split("."));
  for (const piece of pieces.filter(({ length }) => length > 8)) expect(text()).not.toContain(piece);
  expect(lines()[0]).toMatchObject({ note: "[redacted]" });
});

test("leaves what is no secret as it is", () => {
  const fields = {
    path: "kv/data/app/hvs.yaml",
    pod: "web-7f9c6d5b8d-x2x4z",
    address: "https://vault.example.internal:8200",
    accessor: "0e9e354a-520f-df04-6867-ee81cae3d42d",
    version: "s.1",
  };
  const { log, lines } = captureLog();
  log.info(fields, "answered");
  expect(lines()[0]).toMatchObject(fields);
});

test("a Redacted prints as nothing", () => {
  const { log, text } = captureLog();
  log.info({ note: new Redacted("canary"), names: [new Redacted("canary")] }, "answered");
  expect(text()).toContain("[redacted]");
  expect(text()).not.toContain("canary");
});
