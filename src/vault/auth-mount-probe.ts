import { Redacted } from "../shared/redacted.js";
import { escapePath } from "./api-path.js";
import type { AuthMethod, ProbeFinding } from "./auth/auth-method.js";
import { type AuthMethodName, authMethods } from "./auth/auth-methods.js";
import { otherMethodIn } from "./auth/other-methods.js";
import { type ClosedNamespace, closedNamespaceIn } from "./closed-namespace.js";
import { type PlainNode, unauthenticatedRequest } from "./unauthenticated-request.js";
import { disasterRecovery, recoverySays } from "./node-failures.js";
import { quotaText, unfollowed, unlikeVault } from "./error-response.js";
import { saysNoMount } from "./login-error.js";
import { errorsIn, isVaults, saidIn } from "./vault-errors.js";
import { VaultError } from "./vault-error.js";

export interface AuthMountLocation {
  /** Without `auth/`. */
  authMount: string;
  vaultNamespace: string;
}

export interface RoleLocation extends AuthMountLocation {
  role: string;
  /** The one to look the role up as. */
  authMethod: AuthMethodName;
}

/** `method` of one that takes no service account: its name, empty where its answer does not tell. */
export type AuthMountFinding =
  | { found: "known method" | "unconfigured" | "absent" | "unclear" }
  | { found: "another method"; method: string }
  | { found: "closed namespace"; namespace: ClosedNamespace };
export type RoleFinding = "there" | "absent" | "unclear";

/**
 * What answers at an auth mount, found out without a token by a login that names nothing. Of Vault 1.21.1, each
 * method says what it misses; where nothing is mounted it is 403, and also where people log in by name below the path
 * (userpass, ldap). Throws a `VaultError` where Vault does not answer.
 */
export async function probeAuthMount(
  node: PlainNode,
  location: AuthMountLocation,
  signal: AbortSignal,
): Promise<AuthMountFinding> {
  const { status, errors } = await logIn(node, location, `auth/${location.authMount}/login`, {}, signal);
  const namespace = closedNamespaceIn(status, errors);
  if (namespace) return { found: "closed namespace", namespace };
  const found = findings(errors);
  if (found.has("enabled")) return { found: "known method" };
  if (found.has("unconfigured")) return { found: "unconfigured" };
  if (status === 403 || saysNoMount(errors)) return { found: "absent" };
  const method = otherMethodIn(errors);
  if (method !== undefined) return { found: "another method", method };
  // Some 4xx of a login that is another's: no method of ours answers so.
  return status === 400 || status === 404 || status === 405
    ? { found: "another method", method: "" }
    : { found: "unclear" };
}

/** Whether a mount of a known method has a role: each looks it up before it looks at the token, which is none. */
export async function probeRole(
  node: PlainNode,
  location: RoleLocation,
  signal: AbortSignal,
): Promise<RoleFinding | "unconfigured"> {
  const { path, body } = authMethods[location.authMethod].login(location, new Redacted("none"));
  const { status, errors } = await logIn(node, location, path, body.reveal(), signal);
  const found = findings(errors);
  if (found.has("role absent")) return "absent";
  if (found.has("unconfigured")) return "unconfigured";
  return status === 400 || status === 403 ? "there" : "unclear";
}

/** By every method: which one is mounted is not known. */
function findings(errors: readonly string[]): ReadonlySet<ProbeFinding | undefined> {
  return new Set(Object.values(authMethods).map((method: AuthMethod) => method.probe(errors)));
}

async function logIn(
  node: PlainNode,
  { vaultNamespace }: AuthMountLocation,
  path: string,
  body: object,
  signal: AbortSignal,
) {
  const {
    status,
    body: answer,
    headers,
  } = await unauthenticatedRequest(node, { method: "POST", path: escapePath(path), vaultNamespace, body }, signal);
  const errors = errorsIn(answer);
  const says = saidIn(errors);
  if (status === 429) throw new VaultError("quota", `${quotaText(answer, says, node.origin)} (429)`, { status });
  if (errors.includes("Vault is sealed"))
    throw new VaultError("sealed", `Vault at ${node.origin} is sealed`, { status });
  if (says(recoverySays)) throw disasterRecovery(status, node.origin).error;
  // What something before Vault answers tells nothing of the mount. Of a standby's redirect (307), the login tells.
  if (status >= 300 && status < 400 && status !== 307) throw unfollowed(status, headers.location, node.origin);
  if (status >= 300 && status < 500 && status !== 307 && !isVaults(answer))
    throw unlikeVault(status, headers["content-type"], node.origin);
  return { status, errors };
}
