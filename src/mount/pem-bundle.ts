import { X509Certificate, createPrivateKey } from "node:crypto";
import { ProviderError } from "../shared/errors.js";
import { type Json, type JsonObject } from "../shared/json.js";
import { named, quoted } from "../shared/quoted.js";

/** What a bundle is put together from: the names of Vault's PKI engine, and those of Kubernetes' TLS Secrets. */
const partNames = [
  ["private_key", "tls.key"],
  ["certificate", "tls.crt"],
  ["ca_chain", "issuing_ca", "ca.crt"],
] as const;

/**
 * Key, certificate and chain as one PEM text, in that order and each block once; what is not there is left out, but for
 * the certificate. Servers read both of their files from it, and the driver makes a `kubernetes.io/tls` Secret of it
 * (secrets-store-csi-driver 1.6.0 secretutil.go GetCertPart). Throws `not_found` or `invalid_request`; `place` names the answer.
 */
export function pemBundle(secret: JsonObject, place: string): string {
  const parts = partNames.map((names) => names.find((name) => isThere(secret[name])));
  if (parts[1] === undefined) {
    const there = Object.keys(secret).sort().slice(0, 20).map(named).join(", ");
    throw new ProviderError(
      "not_found",
      `no certificate (${partNames[1].join(", ")}) to bundle at ${place} (it has: ${there || "no keys"})`,
    );
  }
  const blocks = parts.flatMap((name) =>
    name === undefined ? [] : blocksIn(secret[name]!, `${named(name)} at ${place}`),
  );
  return textOf(blocks.sort((a, b) => Number(isCertificate(a)) - Number(isCertificate(b))));
}

/** One part alone as clean PEM; a list, such as `ca_chain`, is joined. */
export function pemPart(value: Json, place: string): string {
  return textOf(blocksIn(value, place));
}

function isThere(value: Json | undefined): boolean {
  return (typeof value === "string" && value.trim() !== "") || (Array.isArray(value) && value.length > 0);
}

function textOf(blocks: readonly string[]): string {
  return [...new Set(blocks)].map((block) => `${block}\n`).join("");
}

function isCertificate(block: string): boolean {
  return block.startsWith("-----BEGIN CERTIFICATE-----");
}

function blocksIn(value: Json, place: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => blocksIn(item, place));
  if (typeof value !== "string") throw unfit(place, "is neither text nor a list of texts");
  const blocks = value.match(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g);
  if (blocks) return blocks.map(clean);
  const block = fromDer(value);
  if (block === undefined) throw unfit(place, "is no PEM, nor the base64 of DER");
  return [block];
}

function clean(block: string): string {
  return block
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join("\n");
}

/** PKI answers so with `format=der`. */
function fromDer(text: string): string | undefined {
  const compact = text.replace(/\s/g, "");
  if (compact === "" || compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) return undefined;
  const der = Buffer.from(compact, "base64");
  const label = reads(() => new X509Certificate(der))
    ? "CERTIFICATE"
    : (["pkcs8", "pkcs1", "sec1"] as const)
        .filter((type) => reads(() => createPrivateKey({ key: der, format: "der", type })))
        .map((type) => keyLabels[type])[0];
  return label && `-----BEGIN ${label}-----\n${compact.replace(/.{64}(?=.)/g, "$&\n")}\n-----END ${label}-----`;
}

const keyLabels = { pkcs8: "PRIVATE KEY", pkcs1: "RSA PRIVATE KEY", sec1: "EC PRIVATE KEY" } as const;

function reads(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false; // Of another form; the next is tried.
  }
}

function unfit(place: string, why: string): ProviderError {
  return new ProviderError("invalid_request", `${quoted("pem-bundle")} cannot be made: ${place} ${why}`);
}
