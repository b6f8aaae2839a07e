import { type AuthMethod, explainBy, hasNoRole, isNotConfigured, loginWithToken, probeBy } from "./auth-method.js";

/** Vault asks the Kubernetes API server about the token (TokenReview). Texts are those of Vault 1.21.1 and OpenBao 2.6.2. */
export const kubernetes: AuthMethod = {
  login: loginWithToken,
  explain: explainBy([
    { status: 400, says: /^invalid role name ".*"$/, means: hasNoRole },
    {
      status: 403,
      says: /^service account name not authorized$/,
      means: ({ authMount, role }) =>
        `the role ${role} at auth/${authMount} does not name this service account (bound_service_account_names)`,
    },
    {
      status: 403,
      says: /^namespace not authorized$/,
      means: ({ authMount, role }) =>
        `the role ${role} at auth/${authMount} does not name this namespace (bound_service_account_namespaces)`,
    },
    { status: 500, says: /could not load backend configuration/, means: isNotConfigured },
  ]),
  deniedReason:
    ", or Vault could not check the token (TokenReview: is the Kubernetes API reachable from Vault, and may it review tokens?)",
  probe: probeBy({
    enabled: /^missing (role|jwt)$/,
    unconfigured: /^could not load backend configuration$/,
    "role absent": /^invalid role name ".*"$/,
  }),
};
