import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { operatorFile } from "../../config/configuration-file.js";
import { Redacted } from "../../shared/redacted.js";
import type { AuthMethod } from "./auth-method.js";
import { authMethods } from "./auth-methods.js";

const role = { authMount: "k8s/prod", role: "web" };

describe.each<[string, AuthMethod]>(Object.entries(authMethods))("%s", (name, method) => {
  test("logs in at its mount, with the token in a body that cannot be printed", () => {
    const request = method.login(role, new Redacted("canary"));
    expect(request.path).toMatch(/^auth\/k8s\/prod\/login/);
    expect(JSON.stringify(request.body.reveal())).toContain("canary");
    expect(inspect(request) + JSON.stringify(request)).not.toContain("canary");
  });

  test("says nothing of errors that are not its own", () => {
    expect(method.explain(["permission denied"], role)).toBeUndefined();
    expect(method.probe(["permission denied"])).toBeUndefined();
  });

  test("is a method that a connection may name", () => {
    const auth = { mount: "k8s/prod", method: name };
    const parsed = operatorFile.parse({ connections: { main: { addresses: ["https://vault:8200"], auth } } });
    expect(parsed.connections["main"]?.auth.method).toBe(name);
  });
});

/** Texts of vault-plugin-auth-kubernetes, vault-plugin-auth-jwt and hashicorp/cap, as they come; what is quoted is fixed. */
const canary = "system:serviceaccount:canary";
test.each<[keyof typeof authMethods, string, string, RegExp]>([
  ["kubernetes", `invalid role name "canary"`, "invalid role name", /auth\/k8s\/prod has no role web/],
  [
    "kubernetes",
    "service account name not authorized",
    "service account name not authorized",
    /bound_service_account_names/,
  ],
  ["kubernetes", "namespace not authorized", "namespace not authorized", /bound_service_account_namespaces/],
  [
    "kubernetes",
    "namespace not authorized err=namespace lookup failed: TokenReviewer JWT needs to be configured to use namespace selectors",
    "TokenReviewer JWT needs to be configured to use namespace selectors",
    /token_reviewer_jwt/,
  ],
  [
    "kubernetes",
    `namespace not authorized err=failed to get namespace (code 403 status namespaces "canary" is forbidden)`,
    "failed to get namespace",
    /get namespaces/,
  ],
  [
    "kubernetes",
    "invalid issuer (iss) claim",
    "invalid issuer (iss) claim",
    /its issuer to .* or disable_iss_validation=true/,
  ],
  [
    "kubernetes",
    "invalid audience (aud) claim: audience claim does not match any expected audience",
    "invalid audience (aud) claim",
    /takes \(audience\)/,
  ],
  ["kubernetes", "invalid expiration time (exp) claim: token is expired", "token is expired", /has expired/],
  ["kubernetes", "invalid not before (nbf) claim: token not yet valid", "token not yet valid", /clocks/],
  ["kubernetes", "invalid issued at (iat) claim: token issued in the future", "token issued in the future", /clocks/],
  [
    "kubernetes",
    "error verifying token signature: no known key successfully validated the token signature",
    "no known key successfully validated the token signature",
    /pem_keys/,
  ],
  ["kubernetes", `error verifying token signature: canary`, "error verifying token signature", /pem_keys/],
  [
    "kubernetes",
    "invalid algorithm (alg) header parameter: token signed with unexpected algorithm",
    "invalid algorithm (alg) header parameter",
    /algorithm/,
  ],
  ["kubernetes", `unknown alias_name_source "canary"`, "unknown alias_name_source", /alias_name_source/],
  ["kubernetes", "could not load backend configuration", "could not load backend configuration", /write auth\/k8s/],
  ["jwt", `role "canary" could not be found`, "could not be found", /has no role web/],
  [
    "jwt",
    "error validating token: invalid audience (aud) claim: audience claim does not match any expected audience",
    "error validating token: invalid audience (aud) claim",
    /bound_audiences/,
  ],
  [
    "jwt",
    "audience claim found in JWT but no audiences bound to the role",
    "audience claim found in JWT but no audiences bound to the role",
    /bound_audiences/,
  ],
  [
    "jwt",
    "aud claim does not match any bound audience",
    "aud claim does not match any bound audience",
    /bound_audiences/,
  ],
  [
    "jwt",
    "error validating token: invalid issuer (iss) claim",
    "error validating token: invalid issuer (iss) claim",
    /bound_issuer/,
  ],
  [
    "jwt",
    "error validating token: invalid subject (sub) claim",
    "error validating token: invalid subject (sub) claim",
    /bound_subject/,
  ],
  ["jwt", "sub claim does not match bound subject", "sub claim does not match bound subject", /bound_subject/],
  [
    "jwt",
    `error validating claims: claim "canary" does not match any associated bound claim values`,
    "does not match any associated bound claim values",
    /bound_claims/,
  ],
  ["jwt", `error validating claims: claim "canary" is missing`, "error validating claims", /bound_claims/],
  [
    "jwt",
    `error validating claims: received claim is not a string: ${canary}`,
    "error validating claims",
    /bound_claims/,
  ],
  ["jwt", `claim "canary" not found in token`, "not found in token", /user_claim/],
  ["jwt", `"canary" claim could not be converted to string list`, "could not be converted to string", /groups_claim/],
  ["jwt", "role with oidc role_type is not allowed", "role with oidc role_type is not allowed", /role_type=jwt/],
  [
    "jwt",
    "error validating token: invalid expiration time (exp) claim: token is expired",
    "token is expired",
    /expired/,
  ],
  [
    "jwt",
    "error validating token: error verifying token signature: no known key successfully validated the token signature",
    "error validating token: error verifying token signature: no known key successfully validated the token signature",
    /does not trust the cluster .* jwt_validation_pubkeys/,
  ],
  [
    "jwt",
    "error validating token: error verifying token signature: go-jose/go-jose: compact JWS format must have three parts",
    "error validating token: error verifying token signature",
    /does not trust the cluster/,
  ],
  [
    "jwt",
    `error validating token: error verifying token signature: failed to verify signature: fetching keys oidc: get keys failed Get "https://canary"`,
    "fetching keys",
    /jwks_url or oidc_discovery_url/,
  ],
  ["jwt", `error configuring token validator: Get "https://canary"`, "error configuring token validator", /jwks_url/],
  [
    "jwt",
    "error validating token: invalid algorithm (alg) header parameter: token signed with unexpected algorithm",
    "error validating token: invalid algorithm (alg) header parameter",
    /jwt_supported_algs/,
  ],
  [
    "jwt",
    "error executing cel program: Cel role 'canary' blocked authorization with message: canary",
    "error executing cel program",
    /CEL program of the role web at auth\/k8s\/prod/,
  ],
  ["jwt", "could not load configuration", "could not load configuration", /write auth\/k8s/],
])("%s explains %s", (name, text, quotedText, means) => {
  const why = authMethods[name].explain([text], role);
  expect(why).toMatch(means);
  expect(why).toContain(`; Vault says "${quotedText}"`);
  expect(why).not.toContain("canary");
});
