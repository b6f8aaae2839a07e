import { type AuthMethod, explainBy, hasNoRole, isNotConfigured, loginWithToken, probeBy } from "./auth-method.js";

/** Vault checks the token's signature and claims itself. Texts are those of Vault 1.21.1 and OpenBao 2.6.2. */
export const jwt: AuthMethod = {
  login: loginWithToken,
  explain: explainBy([
    { status: 400, says: /^role ".*" could not be found$/, means: hasNoRole },
    {
      status: 400,
      says: /invalid audience \(aud\) claim/,
      means: ({ authMount, role }) =>
        `the service account token's audience is not one of those that the role ${role} at auth/${authMount} takes (bound_audiences); see \`audience\` and the driver's tokenRequests`,
    },
    {
      status: 400,
      says: /" does not match any associated bound claim values|sub claim does not match bound subject/,
      means: ({ authMount, role }) =>
        `the service account does not meet the bound claims of the role ${role} at auth/${authMount}`,
    },
    {
      status: 400,
      says: /token is expired/,
      means: () => "the service account token has expired; the kubelet sends a new one with the next Mount",
    },
    {
      status: 400,
      says: /error verifying token signature|no known key successfully validated/,
      means: ({ authMount }) => `auth/${authMount} does not trust the cluster that signed the service account token`,
    },
    { status: 500, says: /could not load configuration/, means: isNotConfigured },
  ]),
  deniedReason: "",
  probe: probeBy({
    enabled: /^missing (role|token)$/,
    unconfigured: /^could not load configuration$/,
    "role absent": /^role ".*" could not be found$/,
  }),
};
