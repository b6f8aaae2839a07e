import type { Json, JsonObject } from "../../shared/json.js";
import { type PemBlock, pemBlocksIn } from "./pem-blocks.js";
import { pemPartsIn } from "./pem-parts.js";

/**
 * One key, the certificate and its chain as one PEM text, in that order and each block once; what is not there is left out, but for
 * the certificate. Servers read both of their files from it, and the driver makes a `kubernetes.io/tls` Secret of it: the
 * certificates in their order, and the last block that is none as the key (secrets-store-csi-driver 1.6.0 secretutil
 * GetCertPart), so nothing but these is in it. Throws `not_found` or `invalid_request`; `location` names the answer.
 */
export function pemBundle(secret: JsonObject, location: string): string {
  const { key, certificates } = pemPartsIn(secret, location);
  return textOf([...(key ? [key] : []), ...certificates]);
}

/** One part alone as clean PEM; a list, such as `ca_chain`, is joined. Throws `invalid_request`; `location` names the value. */
export function pemPart(value: Json, location: string): string {
  return textOf(pemBlocksIn(value, location));
}

function textOf(blocks: readonly PemBlock[]): string {
  return [...new Set(blocks.map(({ text }) => text))].map((text) => `${text}\n`).join("");
}
