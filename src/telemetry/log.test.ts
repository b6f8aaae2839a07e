import { expect, test } from "vitest";
import { Redacted } from "../shared/redacted.js";
import { captureLog } from "../../dev/testing/capture-log.js";
import { threadCpuMs } from "../../dev/testing/thread-cpu.js";
import { withoutSecrets } from "./secret-shapes.js";

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
])("removes %s from every part of a line", (_what, secret) => {
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

test("writes nothing that acts on a terminal, and a reader still gets the text", () => {
  const { log, text, lines } = captureLog();
  const foreign = "kv/\u202eppa\u2028\u0085\u007f\u001b[2J\u200b\ufeff\u{e0041}";
  log.info({ path: foreign }, "answered");
  expect(text()).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*\n$/u);
  expect(lines()[0]).toMatchObject({ path: foreign });
});

test.each<[string, Record<string, unknown>]>([
  ["a long text", { path: "x".repeat(1_000_000) }],
  ["a text that JSON makes longer", { path: "\u0001".repeat(100_000) }],
  ["many texts", Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, "é".repeat(9_000)]))],
  ["a long list", { names: Array.from({ length: 100_000 }, (_, n) => `name-${n}`) }],
  ["lists of lists", { names: [[[[[["x".repeat(100_000)]]]]]] }],
])("a line is bounded, with %s", (_name, fields) => {
  const { log, text, lines } = captureLog();
  log.warn({ ...fields, code: "not_found" }, "refused");
  expect(text().length).toBeLessThan(20_000);
  expect(lines()[0]).toMatchObject({ code: expect.any(String) as string, msg: "refused" });
});

test("a list that is cut says of how many", () => {
  const { log, lines } = captureLog();
  log.warn({ names: Array.from({ length: 2_000 }, (_, n) => `name-${n}`) }, "x");
  const names = lines()[0]!["names"] as string[];
  expect(names.at(-1)).toBe(`… and ${2_000 - names.length + 1} more`);
});

test("leaves numbers, dates and lists of a few as they are", () => {
  const { log, lines } = captureLog();
  const fields = { bytes: 1.5, held: true, none: null, names: ["a", "b"], deep: { er: 1 }, at: new Date(0) };
  log.info(fields, "x");
  expect(lines()[0]).toMatchObject({ ...fields, at: "1970-01-01T00:00:00.000Z" });
});

test.each(["eyJ", "-----BEGIN ", "hvs.", "s.", "eyJaaaaaaaaa.", "-----BEGIN A"])(
  "looks for secrets in time linear in the line, of %j",
  (piece) => {
    const line = piece.repeat(100_000 / piece.length);
    const before = threadCpuMs();
    withoutSecrets(line);
    expect(threadCpuMs() - before).toBeLessThan(1_000);
  },
);
