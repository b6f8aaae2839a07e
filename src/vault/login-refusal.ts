import { quoted } from "../shared/quoted.js";
import type { Operation } from "./operation.js";
import { VaultError } from "./vault-error.js";

/** What Vault 1.21.1's kubernetes and jwt auth methods say, and what the person has to look at. */
const causes: readonly { status: number; says: RegExp; means: (role: string, mount: string) => string }[] = [
  {
    status: 400,
    says: /^(invalid role name ".*"|role ".*" could not be found)$/,
    means: (role, mount) => `auth/${mount} has no role ${role}`,
  },
  {
    status: 403,
    says: /^service account name not authorized$/,
    means: (role, mount) =>
      `the role ${role} at auth/${mount} does not name this service account (bound_service_account_names)`,
  },
  {
    status: 403,
    says: /^namespace not authorized$/,
    means: (role, mount) =>
      `the role ${role} at auth/${mount} does not name this namespace (bound_service_account_namespaces)`,
  },
  {
    status: 400,
    says: /invalid audience \(aud\) claim/,
    means: (role, mount) =>
      `the service account token's audience is not one of those that the role ${role} at auth/${mount} takes (bound_audiences); see \`audience\` and the driver's tokenRequests`,
  },
  {
    status: 400,
    says: /" does not match any associated bound claim values|sub claim does not match bound subject/,
    means: (role, mount) => `the service account does not meet the bound claims of the role ${role} at auth/${mount}`,
  },
  {
    status: 400,
    says: /token is expired/,
    means: () => "the service account token has expired; the kubelet sends a new one with the next Mount",
  },
  {
    status: 400,
    says: /error verifying token signature|no known key successfully validated/,
    means: (_role, mount) => `auth/${mount} does not trust the cluster that signed the service account token`,
  },
];

/** What Vault 1.21.1 and OpenBao 2.6.2 say with a 500 to a login at a mount that is set up otherwise. */
const setups: readonly { says: RegExp; means: (mount: string) => string }[] = [
  {
    says: /could not load (backend )?configuration/,
    means: (mount) => `auth/${mount} is not configured; write auth/${mount}/config`,
  },
  {
    says: /failed to determine alias name|missing role_id/,
    means: (mount) => `auth/${mount} is of another method than kubernetes or jwt`,
  },
];

/** A login's 500 where it is the mount's set-up; `undefined` for what may pass. */
export function understandLoginFailure(
  { login = nobody }: Operation,
  status: number,
  errors: readonly string[],
): VaultError | undefined {
  const setup = setups.find(({ says }) => errors.some((error) => says.test(error)));
  if (!setup) return undefined;
  const { authMount, serviceAccount, audience } = login;
  return new VaultError("login_denied", refusedLogin(serviceAccount, audience, setup.means(authMount)), { status });
}

/** A login's 400 or 403, in our words: Vault's may quote the token's claims. */
export function understandLoginRefusal(operation: Operation, status: number, errors: readonly string[]): VaultError {
  const { role, authMount, serviceAccount, audience } = operation.login ?? nobody;
  const known = causes.find((cause) => cause.status === status && errors.some((error) => cause.says.test(error)));
  const why = known?.means(role, authMount) ?? unknown(status, role, authMount, isReviewed(operation));
  return new VaultError("login_denied", refusedLogin(serviceAccount, audience, why), { status });
}

function refusedLogin(serviceAccount: string, audience: string, why: string): string {
  return `Vault refused the login of ${serviceAccount} (audience ${quoted(audience)}): ${why}`;
}

const nobody = { role: "", authMount: "", serviceAccount: "", audience: "" };

/** Whether Vault asks the API server about tokens: not at a mount the operator calls jwt. */
function isReviewed({ connection, login }: Operation): boolean {
  return connection.authMethod === "kubernetes" || login?.authMount !== connection.authMount;
}

/** A bare 403 is Vault's answer to several things; it does not tell which. */
function unknown(status: number, role: string, mount: string, reviewed: boolean): string {
  if (status === 404 || status === 405) return `there is no login at auth/${mount} (${status})`;
  if (status !== 403) return `see the role ${role} at auth/${mount}; Vault's audit log has the reason (${status})`;
  const review =
    ", or Vault could not check the token (TokenReview: is the Kubernetes API reachable from Vault, and may it review tokens?)";
  return (
    `permission denied: either the role ${role} at auth/${mount} does not take this service account or its token's ` +
    `audience, or auth/${mount} does not exist${reviewed ? review : ""}`
  );
}
