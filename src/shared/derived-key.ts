import { hkdfSync } from "node:crypto";
import { Redacted } from "./redacted.js";

/** What is derived from a key. A label is part of what it makes: never change one. */
export const keyLabels = {
  objectVersion: "keymount object version v1",
  /** What the state's own key is sealed with. */
  stateKey: "keymount state key v1",
  /** Derived from the state's own key; followed by whose state it is. */
  state: "keymount state v1",
} as const;

/** 32 bytes for one purpose: HKDF-SHA256 (RFC 5869) without salt, the label as info. */
export function deriveKey(master: Redacted<Buffer>, label: string): Redacted<Buffer> {
  return new Redacted(Buffer.from(hkdfSync("sha256", master.reveal(), Buffer.alloc(0), label, 32)));
}
