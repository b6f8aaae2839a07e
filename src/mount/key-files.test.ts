import { expect, test } from "vitest";
import { threadCpuMs } from "../../dev/testing/thread-cpu.js";
import { filesOfKeys } from "./key-files.js";

const location = "secret/data/app";
const chosen = (data: Record<string, string>, keys: string[], rename = new Map<string, string>()) =>
  filesOfKeys("app/", Object.keys(data), { keys, rename }, location, (key) => key.includes("/")).map(
    ({ path }) => path,
  );
const hardPatterns = Array.from({ length: 20 }, (_, index) => `*${"a".repeat(240)}${index}b`);

test("a key that is too long for a file's name is matched by no pattern, and costs none", () => {
  const startedAt = threadCpuMs();
  const data = { ["a".repeat(500_000)]: "x", ab: "y" };
  expect(chosen(data, ["a*"])).toEqual(["app/ab"]);
  expect(() => chosen(data, hardPatterns)).toThrow(`keys "*aaaa`);
  expect(threadCpuMs() - startedAt).toBeLessThan(1_000);
});

test("a key that is too long can be named, and renamed", () => {
  const long = "k".repeat(300);
  expect(chosen({ [long]: "x" }, [long], new Map([[long, "short"]]))).toEqual(["app/short"]);
  expect(() => chosen({ [long]: "x" }, [])).toThrow("is no file name: it has a step longer than 255 bytes");
});

test("patterns are not tried on keys where all of them together are too long", () => {
  const data = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`${index}`.padEnd(250, "a"), "x"]));
  const startedAt = threadCpuMs();
  expect(() => chosen(data, hardPatterns)).toThrow("has 500 keys, too many to try 20 patterns on");
  expect(threadCpuMs() - startedAt).toBeLessThan(1_000);
  expect(chosen(data, ["1*"])).toHaveLength(111);
});
