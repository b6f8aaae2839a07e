import { type KeyObject, X509Certificate } from "node:crypto";
import { ProviderError } from "../../shared/errors.js";
import { isJsonObject } from "../../shared/json.js";
import { Redacted } from "../../shared/redacted.js";
import type { Keystore, ObjectSpec } from "../mount-spec.js";
import type { Job } from "../ports.js";
import { type AnswerTo, bodyIn, locationOf, subjectOf, valueIn } from "../secret-value.js";
import { type PemBlock, derIn } from "./pem-blocks.js";
import { type PemParts, pemPartsIn } from "./pem-parts.js";
import { readPrivateKey } from "./private-key.js";

/**
 * What a keystore is to be made of: the parts that a bundle has too, the certificate of the key first. Without a key it
 * is a trust store of all certificates. Throws `not_found` or `invalid_request`.
 */
export function keystoreJob(object: ObjectSpec, keystore: Keystore, answerTo: AnswerTo): Job {
  const { value, location } = subjectOf(object, bodyIn(answerTo(object.request), object.request));
  if (!isJsonObject(value)) {
    throw new ProviderError(
      "invalid_request",
      `${location} is no map with a certificate, which format: pkcs12 is made of`,
    );
  }
  const { key, certificates } = pemPartsIn(value, location, "trust");
  return {
    kind: "keystore",
    ...(key && { key: new Redacted(key.text) }),
    certificates: key ? ownFirst(key, certificates, location) : certificates.map(({ text }) => text),
    password: new Redacted(passwordOf(keystore, answerTo)),
    alias: keystore.alias,
    legacy: keystore.legacy,
  };
}

/** The key's certificate leads its chain. */
function ownFirst(key: PemBlock, certificates: PemParts["certificates"], location: string): string[] {
  const privateKey = readKey(key, location);
  const own = certificates.find(({ text }) => new X509Certificate(text).checkPrivateKey(privateKey));
  if (!own) {
    throw new ProviderError(
      "invalid_request",
      `the private key at ${location} belongs to none of the certificates there`,
    );
  }
  return [own, ...certificates.filter((other) => other !== own)].map(({ text }) => text);
}

function readKey(block: PemBlock, location: string): KeyObject {
  const der = derIn(block);
  const read = der && readPrivateKey(der);
  if (read) return read.key;
  throw new ProviderError(
    "invalid_request",
    `the private key at ${location} cannot be read; format: pkcs12 takes an unencrypted one, of RSA or an elliptic curve, in PEM, or DER in base64`,
  );
}

/** ASCII, for Java's key derivation knows nothing else. */
const password = /^[\x20-\x7e]{1,256}$/;

function passwordOf({ password: { request, key } }: Keystore, answerTo: AnswerTo): string {
  const value = valueIn(bodyIn(answerTo(request), request), key, request);
  if (typeof value === "string" && password.test(value)) return value;
  throw new ProviderError(
    "invalid_request",
    `the password of the keystore, at ${locationOf(request)}, is no text of 1 to 256 ASCII characters`,
  );
}
