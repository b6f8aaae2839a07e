import { hkdfSync } from "node:crypto";
import { Redacted } from "./redacted.js";

/** What is derived from the cluster's one key. A label is part of what it makes: never change one. */
export const keyLabels = {
  objectVersion: "keymount object version v1",
  /** Followed by whose state it is. */
  state: "keymount state v1",
} as const;

/** 32 bytes for one purpose: HKDF-SHA256 (RFC 5869) without salt, the label as info. */
export function deriveKey(master: Redacted<Buffer>, label: string): Redacted<Buffer> {
  return new Redacted(Buffer.from(hkdfSync("sha256", master.reveal(), Buffer.alloc(0), label, 32)));
}
