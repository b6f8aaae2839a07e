import { expect, test } from "vitest";
import { meantName } from "./meant-name.js";

test.each([
  ["role", ["roleName", "objects"], "roleName"],
  ["vaultAddr", ["vaultAddress"], "vaultAddress"],
  ["path", ["secretPath", "secretKey"], "secretPath"],
  ["key", ["keys", "secretKey"], "secretKey"],
  ["key", ["keys"], "keys"],
  ["roelName", ["roleName"], "roleName"],
  ["toString", ["roleName"], undefined],
  ["x".repeat(10_000), ["roleName"], undefined],
])("%s, where %j are known, means %s", (written, known, meant) => {
  expect(meantName(written, known)).toBe(meant);
});
