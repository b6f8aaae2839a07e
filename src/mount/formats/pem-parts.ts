import { ProviderError } from "../../shared/errors.js";
import type { Json, JsonObject } from "../../shared/json.js";
import { namesThereAre } from "../../shared/quoted.js";
import { type PemBlock, PemRoom, pemBlocksIn } from "./pem-blocks.js";

/** Where the parts are: the names of Vault's PKI engine, and those of Kubernetes' TLS Secrets. */
const keyNames = ["private_key", "tls.key"];
const certificateNames = ["certificate", "tls.crt"];
const chainNames = ["ca_chain", "issuing_ca", "ca.crt"];

/** A private key, where there is one, and the certificates with their chain, each once. */
export interface PemParts {
  key: PemBlock | undefined;
  certificates: readonly PemBlock[];
}

/**
 * Finds them in a secret. Throws `not_found` without a certificate, `invalid_request` for what is none. `location` names the
 * secret; where only trust is wanted, a chain alone will do.
 */
export function pemPartsIn(secret: JsonObject, location: string, wanted: "leaf" | "trust" = "leaf"): PemParts {
  const [key, certificate, chain] = [keyNames, certificateNames, chainNames].map((names) =>
    names.find((name) => isThere(secret[name])),
  );
  const room = new PemRoom();
  const blocksOf = (name: string | undefined) =>
    name === undefined ? [] : pemBlocksIn(secret[name]!, `${name} at ${location}`, room);
  const leaf = blocksOf(certificate);
  const issuers = blocksOf(chain);
  if (![...leaf, ...(wanted === "trust" && key === undefined ? issuers : [])].some(isCertificate))
    throw withoutCertificate(secret, certificate, location);
  const blocks = [...blocksOf(key), ...leaf, ...issuers];
  return {
    // With `format=pem_bundle` and `private_key_format=pkcs8` Vault gives the same key in two forms.
    key: blocks.find(({ label }) => label.endsWith("PRIVATE KEY")),
    certificates: [...new Map(blocks.filter(isCertificate).map((block) => [block.text, block])).values()],
  };
}

function isThere(value: Json | undefined): boolean {
  if (typeof value === "string") return value.trim() !== "";
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null;
}

const isCertificate = ({ label }: PemBlock) => label === "CERTIFICATE";

function withoutCertificate(secret: JsonObject, found: string | undefined, location: string): ProviderError {
  if (found !== undefined) {
    return new ProviderError("invalid_request", `${found} at ${location} holds PEM, but no certificate; put one there`);
  }
  return new ProviderError(
    "not_found",
    `no certificate (${certificateNames.join(", ")}) at ${location} (it has: ${namesThereAre(Object.keys(secret))})`,
  );
}
