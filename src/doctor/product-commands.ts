import type { Product } from "../vault/node-health.js";

/** A text that names commands of the `vault` program, with those of the product's own: OpenBao's is `bao`. */
export function inCommandsOf(product: Product, text: string): string {
  return product === "OpenBao"
    ? text.replace(/(?<![\w/])vault (?=(auth|kv|namespace|operator|token|write)\b)/g, "bao ")
    : text;
}
