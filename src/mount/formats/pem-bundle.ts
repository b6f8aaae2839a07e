import { ProviderError } from "../../shared/errors.js";
import type { Json, JsonObject } from "../../shared/json.js";
import { named } from "../../shared/quoted.js";
import { type PemBlock, pemBlocksIn } from "./pem-blocks.js";

/** What a bundle is put together from: the names of Vault's PKI engine, and those of Kubernetes' TLS Secrets. */
const keyNames = ["private_key", "tls.key"];
const certificateNames = ["certificate", "tls.crt"];
const chainNames = ["ca_chain", "issuing_ca", "ca.crt"];

/**
 * One key, the certificate and its chain as one PEM text, in that order and each block once; what is not there is left out, but for
 * the certificate. Servers read both of their files from it, and the driver makes a `kubernetes.io/tls` Secret of it: the
 * certificates in their order, and the last block that is none as the key (secrets-store-csi-driver 1.6.0 secretutil
 * GetCertPart), so nothing but these is in it. Throws `not_found` or `invalid_request`; `place` names the answer.
 */
export function pemBundle(secret: JsonObject, place: string): string {
  const [key, certificate, chain] = [keyNames, certificateNames, chainNames].map((names) =>
    names.find((name) => isThere(secret[name])),
  );
  const blocksOf = (name: string | undefined) =>
    name === undefined ? [] : pemBlocksIn(secret[name]!, `${name} at ${place}`);
  const leaf = blocksOf(certificate);
  if (!leaf.some(isCertificate)) throw withoutCertificate(secret, certificate, place);
  const blocks = [...blocksOf(key), ...leaf, ...blocksOf(chain)];
  // One key: with `format=pem_bundle` and `private_key_format=pkcs8` Vault gives the same one in two forms.
  return textOf([...blocks.filter(isPrivateKey).slice(0, 1), ...blocks.filter(isCertificate)]);
}

/** One part alone as clean PEM; a list, such as `ca_chain`, is joined. Throws `invalid_request`; `place` names the value. */
export function pemPart(value: Json, place: string): string {
  return textOf(pemBlocksIn(value, place));
}

function isThere(value: Json | undefined): boolean {
  if (typeof value === "string") return value.trim() !== "";
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null;
}

const isCertificate = ({ label }: PemBlock) => label === "CERTIFICATE";

const isPrivateKey = ({ label }: PemBlock) => label.endsWith("PRIVATE KEY");

function textOf(blocks: readonly PemBlock[]): string {
  return [...new Set(blocks.map(({ text }) => text))].map((text) => `${text}\n`).join("");
}

function withoutCertificate(secret: JsonObject, found: string | undefined, place: string): ProviderError {
  if (found !== undefined) {
    return new ProviderError("invalid_request", `${found} at ${place} holds PEM, but no certificate; put one there`);
  }
  const there = Object.keys(secret).sort().slice(0, 20).map(named).join(", ");
  return new ProviderError(
    "not_found",
    `no certificate (${certificateNames.join(", ")}) to bundle at ${place} (it has: ${there || "no keys"})`,
  );
}
