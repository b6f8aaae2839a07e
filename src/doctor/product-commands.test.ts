import { expect, test } from "vitest";
import { problems } from "./problems.js";
import { inCommandsOf } from "./product-commands.js";

test.each([
  ["unseal it (vault operator unseal)", "unseal it (bao operator unseal)"],
  ["write its configuration (vault write auth/…/config)", "write its configuration (bao write auth/…/config)"],
  ["/var/run/vault auth", "/var/run/vault auth"],
  ["the vault is closed", "the vault is closed"],
])("OpenBao's own command: %s", (text, expected) => {
  expect(inCommandsOf("Vault", text)).toBe(text);
  expect(inCommandsOf("OpenBao", text)).toBe(expected);
});

test("no fix names a command of Vault's where the server is OpenBao", () => {
  const fixes = Object.values(problems).map(({ fix }) => inCommandsOf("OpenBao", fix));
  expect(fixes.filter((fix) => /\bvault [a-z]/.test(fix))).toEqual([]);
});
