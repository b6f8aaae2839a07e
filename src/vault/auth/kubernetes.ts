import {
  type AuthMethod,
  explainBy,
  hasNoRole,
  isNotConfigured,
  loginWithToken,
  probeBy,
  tokenTimes,
} from "./auth-method.js";

/**
 * Vault asks the Kubernetes API server about the token (TokenReview), and checks its claims before. Texts are those of
 * Vault 1.21.1 and OpenBao 2.6.2 (vault-plugin-auth-kubernetes 0.23.1: path_login.go, namespace_validator.go; hashicorp/cap
 * jwt/jwt.go, keyset.go).
 */
export const kubernetes: AuthMethod = {
  login: loginWithToken,
  explain: explainBy([
    { says: "invalid role name", means: hasNoRole },
    {
      says: "service account name not authorized",
      means: ({ authMount, role }) =>
        `the role ${role} at auth/${authMount} does not name this service account (bound_service_account_names)`,
    },
    {
      says: "TokenReviewer JWT needs to be configured to use namespace selectors",
      means: ({ authMount, role }) =>
        `the role ${role} at auth/${authMount} chooses namespaces by their labels, which needs token_reviewer_jwt in auth/${authMount}/config`,
    },
    {
      says: "failed to get namespace",
      means: ({ authMount }) =>
        `the API server does not show Vault the labels of this namespace; let the service account of token_reviewer_jwt in auth/${authMount}/config get namespaces`,
    },
    {
      says: "namespace not authorized",
      means: ({ authMount, role }) =>
        `the role ${role} at auth/${authMount} does not name this namespace (bound_service_account_namespaces)`,
    },
    {
      says: "invalid issuer (iss) claim",
      means: ({ authMount }) =>
        `auth/${authMount}/config expects another issuer than the service account token's; set its issuer to the API server's --service-account-issuer, or disable_iss_validation=true`,
    },
    {
      says: "invalid audience (aud) claim",
      means: ({ authMount, role }) =>
        `the service account token's audience is not the one that the role ${role} at auth/${authMount} takes (audience); see \`audience\` and the driver's tokenRequests`,
    },
    ...tokenTimes,
    ...["no known key successfully validated the token signature", "error verifying token signature"].map((says) => ({
      says,
      means: ({ authMount }: { authMount: string }) =>
        `auth/${authMount} does not trust the cluster that signed the service account token; see pem_keys in auth/${authMount}/config`,
    })),
    {
      says: "invalid algorithm (alg) header parameter",
      means: ({ authMount }) =>
        `the service account token is signed with an algorithm that auth/${authMount} does not take`,
    },
    {
      says: "unknown alias_name_source",
      means: ({ authMount, role }) => `the role ${role} at auth/${authMount} has an unknown alias_name_source`,
    },
    { says: "could not load backend configuration", means: isNotConfigured },
  ]),
  deniedReason:
    ", or Vault could not check the token (TokenReview: is the Kubernetes API reachable from Vault, and may it review tokens?)",
  probe: probeBy({
    enabled: /^missing (role|jwt)$/,
    unconfigured: /^could not load backend configuration$/,
    "role absent": /^invalid role name ".*"$/,
  }),
};
