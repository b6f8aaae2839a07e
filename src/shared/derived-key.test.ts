import { expect, test } from "vitest";
import { deriveKey, keyLabels } from "./derived-key.js";
import { Redacted } from "./redacted.js";

// Expected by: openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:… -kdfopt "info:…" HKDF
test.each([
  ["07".repeat(32), keyLabels.objectVersion, "b1f8af9ad3b0d2f316a9dda342d4d9069cea2d651901525ad11807c60d25fbe9"],
  ["0b".repeat(22), "a", "d302dbc679d54b35003eead90e1e6feb16fe80f52d485bd163a8e0292f616619"],
])("the key derived from %s for %s never changes", (master, label, expected) => {
  const derived = deriveKey(new Redacted(Buffer.from(master, "hex")), label);
  expect(derived.reveal().toString("hex")).toBe(expected);
});
