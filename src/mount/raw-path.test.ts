import { expect, test } from "vitest";
import { jsonFormOf } from "./raw-path.js";

test.each([
  ["pki/ca", "pki/cert/ca", "certificate"],
  ["pki/ca/pem", "pki/cert/ca", "certificate"],
  ["team/pki/ca_chain", "team/pki/cert/ca_chain", "certificate"],
  ["pki/crl", "pki/cert/crl", "certificate"],
  ["pki/crl/pem", "pki/cert/crl", "certificate"],
  ["pki/crl/delta", "pki/cert/delta-crl", "certificate"],
  ["pki/crl/delta/pem", "pki/cert/delta-crl", "certificate"],
  ["pki/cert/17-67/raw", "pki/cert/17-67", "certificate"],
  ["pki/cert/ca/raw/pem", "pki/cert/ca", "certificate"],
  ["pki/issuer/default/pem", "pki/issuer/default/json", "certificate"],
  ["pki/issuer/default/der", "pki/issuer/default/json", "certificate"],
  ["pki/issuer/default/crl/pem", "pki/issuer/default/crl", "crl"],
  ["pki/issuer/default/crl/delta/der", "pki/issuer/default/crl/delta", "crl"],
  ["ssh/public_key", "ssh/config/ca", "public_key"],
])("%s is answered in JSON at %s", (path, json, key) => {
  expect(jsonFormOf(path)).toEqual({ path: json, key });
});

test.each([
  "secret/data/app",
  "pki/cert/ca",
  "pki/cert/ca_chain",
  "pki/issuer/default/json",
  "pki/issuer/a/crl",
  "ssh/config/ca",
])("%s has no other form", (path) => expect(jsonFormOf(path)).toBeUndefined());
