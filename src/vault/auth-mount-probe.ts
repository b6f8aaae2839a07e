import { escapePath } from "./api-path.js";
import { type PlainLine, askPlainly } from "./ask-plainly.js";
import { errorsIn } from "./vault-errors.js";
import { VaultError } from "./vault-error.js";

export interface AuthPlace {
  /** Without `auth/`. */
  authMount: string;
  vaultNamespace: string;
}

export type MountFinding = "kubernetes or jwt" | "another method" | "unconfigured" | "absent" | "unclear";
export type RoleFinding = "there" | "absent" | "unclear";

/**
 * What answers at an auth mount, found out without a token by a login that names nothing. Of Vault 1.21.1, the kubernetes
 * and jwt methods miss the role; where nothing is mounted it is 403, and also where people log in by name below the
 * path (userpass, ldap). Throws a `VaultError` where Vault does not answer.
 */
export async function probeAuthMount(line: PlainLine, place: AuthPlace, signal: AbortSignal): Promise<MountFinding> {
  const { status, errors } = await login(line, place, {}, signal);
  if (errors.some((error) => /^missing (role|jwt|token)$/.test(error))) return "kubernetes or jwt";
  if (errors.some(isUnconfigured)) return "unconfigured";
  if (status === 403) return "absent";
  // What approle answers.
  const nameless = errors.includes("failed to determine alias name from login request");
  return nameless || status === 400 || status === 404 || status === 405 ? "another method" : "unclear";
}

/** Whether a mount of the kubernetes or jwt method has a role: both look it up before they look at the token, which is none. */
export async function probeRole(
  line: PlainLine,
  place: AuthPlace,
  role: string,
  signal: AbortSignal,
): Promise<RoleFinding | "unconfigured"> {
  const { status, errors } = await login(line, place, { role, jwt: "none" }, signal);
  if (errors.some((error) => /^(invalid role name ".*"|role ".*" could not be found)$/.test(error))) return "absent";
  if (errors.some(isUnconfigured)) return "unconfigured";
  return status === 400 || status === 403 ? "there" : "unclear";
}

function isUnconfigured(error: string): boolean {
  return error === "could not load configuration" || error === "could not load backend configuration";
}

async function login(line: PlainLine, { authMount, vaultNamespace }: AuthPlace, body: object, signal: AbortSignal) {
  const path = escapePath(`auth/${authMount}/login`);
  const { status, body: answer } = await askPlainly(line, { method: "POST", path, vaultNamespace, body }, signal);
  const errors = errorsIn(answer);
  if (status === 429) throw new VaultError("quota", "a rate limit or quota of Vault is exceeded (429)", { status });
  if (errors.includes("Vault is sealed"))
    throw new VaultError("sealed", `Vault at ${line.origin} is sealed`, { status });
  return { status, errors };
}
