import { expect, test } from "vitest";
import { readSecretPath, writeSecretPath } from "./secret-path.js";

test.each([
  ["secret/data/app", "secret/data/app"],
  ["kv/data/a?b", "kv/data/a%3Fb"],
  ["kv/data/a\\b", "kv/data/a%5Cb"],
  ["kv/data/100%/x", "kv/data/100%25/x"],
  ["kv/data/a%20b", "kv/data/a%2520b"],
  ["kv/data/a#b c ü", "kv/data/a#b c ü"],
  ["v1/data/app", "v1/v1/data/app"],
  ["v1", "v1/v1"],
])("%s is written %s, and read back", (path, written) => {
  expect(writeSecretPath(path)).toBe(written);
  expect(readSecretPath(written)).toMatchObject({ path });
});
