import {
  type AuthMethod,
  type LoginCause,
  explainBy,
  hasNoRole,
  isNotConfigured,
  loginWithToken,
  probeBy,
  tokenTimes,
} from "./auth-method.js";

const otherAudience: LoginCause["means"] = ({ authMount, role }) =>
  `the service account token's audience is not one of those that the role ${role} at auth/${authMount} takes (bound_audiences); see \`audience\` and the driver's tokenRequests`;

const otherSubject: LoginCause["means"] = ({ authMount, role }) =>
  `the service account is not the one of the role ${role} at auth/${authMount} (bound_subject)`;

const otherClaims: LoginCause["means"] = ({ authMount, role }) =>
  `the service account does not meet the bound claims of the role ${role} at auth/${authMount} (bound_claims)`;

const noSuchClaim: LoginCause["means"] = ({ authMount, role }) =>
  `the service account token has no such claim as the role ${role} at auth/${authMount} takes names or groups from (user_claim, groups_claim)`;

const notTrusted: LoginCause["means"] = ({ authMount }) =>
  `auth/${authMount} does not trust the cluster that signed the service account token; see jwt_validation_pubkeys, jwks_url or oidc_discovery_url in auth/${authMount}/config`;

const noKeys: LoginCause["means"] = ({ authMount }) =>
  `Vault could not fetch the cluster's keys; see jwks_url or oidc_discovery_url and their CA in auth/${authMount}/config, and whether Vault reaches them`;

/**
 * Vault checks the token's signature and claims itself. Texts are those of Vault 1.21.1 and OpenBao 2.6.2, and of Vault
 * before 1.11 (vault-plugin-auth-jwt 0.25.0: path_login.go, claims.go; hashicorp/cap jwt/jwt.go, keyset.go; go-oidc jwks.go).
 */
export const jwt: AuthMethod = {
  login: loginWithToken,
  explain: explainBy([
    { says: "could not be found", means: hasNoRole },
    { says: "audience claim found in JWT but no audiences bound to the role", means: otherAudience },
    { says: "aud claim does not match any bound audience", means: otherAudience },
    { says: "error validating token: invalid audience (aud) claim", means: otherAudience },
    {
      says: "error validating token: invalid issuer (iss) claim",
      means: ({ authMount }) =>
        `auth/${authMount}/config expects another issuer than the service account token's (bound_issuer)`,
    },
    { says: "error validating token: invalid subject (sub) claim", means: otherSubject },
    { says: "sub claim does not match bound subject", means: otherSubject },
    { says: "does not match any associated bound claim values", means: otherClaims },
    { says: "error validating claims", means: otherClaims },
    { says: "not found in token", means: noSuchClaim },
    { says: "could not be converted to string", means: noSuchClaim },
    {
      says: "role with oidc role_type is not allowed",
      means: ({ authMount, role }) => `the role ${role} at auth/${authMount} is for browsers; give it role_type=jwt`,
    },
    ...tokenTimes,
    { says: "fetching keys", means: noKeys },
    { says: "error configuring token validator", means: noKeys },
    ...[": no known key successfully validated the token signature", ": failed to verify id token signature", ""].map(
      (why) => ({ says: `error validating token: error verifying token signature${why}`, means: notTrusted }),
    ),
    {
      says: "error validating token: invalid algorithm (alg) header parameter",
      means: ({ authMount }) =>
        `the service account token is signed with an algorithm that auth/${authMount} does not take (jwt_supported_algs)`,
    },
    {
      says: "error executing cel program",
      means: ({ authMount, role }) =>
        `the CEL program of the role ${role} at auth/${authMount} lets no such service account in (cel_program)`,
    },
    { says: "could not load configuration", means: isNotConfigured },
  ]),
  deniedReason: "",
  probe: probeBy({
    enabled: /^missing (role|token)$/,
    unconfigured: /^could not load configuration$/,
    "role absent": /^role ".*" could not be found$/,
  }),
};
