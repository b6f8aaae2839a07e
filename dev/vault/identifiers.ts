import { createHash, randomBytes, randomInt, randomUUID } from "node:crypto";
import type { Product } from "./product.js";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Random letters and digits, as in accessors, lease ids and user names. */
export function letters(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}

/** Tokens as each product names them. */
export const tokenIds: Record<Product, Record<"service" | "batch", () => string>> = {
  vault: {
    service: () => `hvs.CAESI${randomBytes(65).toString("base64url")}`,
    batch: () => `hvb.AAAAAQ${randomBytes(96).toString("base64url")}`,
  },
  openbao: {
    service: () => `s.${letters(24)}`,
    batch: () => `b.AAAAAQ${randomBytes(96).toString("base64url")}`,
  },
};
export const requestId = () => randomUUID();

/** The same identifier for the same text: that of an entity never changes. */
export function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
