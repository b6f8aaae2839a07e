import { expect, test } from "vitest";
import { withoutOuterSlashes } from "./slashes.js";

test.each([
  ["", ""],
  ["/", ""],
  ["///", ""],
  ["a", "a"],
  ["//a//b//", "a//b"],
])("%j without its outer slashes is %j", (path, plain) => {
  expect(withoutOuterSlashes(path)).toBe(plain);
});
