import { expect, test } from "vitest";
import { isSyncPath } from "./secret-sync.js";

/** Of the CRD of 0.0.4, as it stands there; it may backtrack, which short texts allow. */
const crdPattern = /^[A-Za-z0-9.]([-A-Za-z0-9]+([-._a-zA-Z0-9]?[A-Za-z0-9])*)?(\/([0-9]+))*$/;

test("isSyncPath is the CRD's pattern, for every text of up to seven characters of each sort", () => {
  const sorts = ["a", "7", "-", ".", "_", "/", "\n"];
  const differing: string[] = [];
  let accepted = 0;
  let texts = [""];
  for (let length = 0; length <= 7; length += 1) {
    for (const text of texts) {
      if (isSyncPath(text) !== crdPattern.test(text)) differing.push(text);
      if (isSyncPath(text)) accepted += 1;
    }
    if (length < 7) texts = texts.flatMap((text) => sorts.map((sort) => text + sort));
  }
  expect(differing).toEqual([]);
  expect(accepted).toBeGreaterThan(1000);
});

test.each([
  ["tls.crt", true],
  [".dockerconfigjson", true],
  ["db-user_1", true],
  ["a".repeat(253), true],
  ["a".repeat(254), false],
  ["a_b", false],
  ["dir/file", false],
])("%s: %s", (text, accepted) => {
  expect(isSyncPath(text)).toBe(accepted);
});
