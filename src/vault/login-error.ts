import type { Connection } from "../config/connection.js";
import { named, quoted } from "../shared/quoted.js";
import { type AuthMethod, tokenExpired } from "./auth/auth-method.js";
import { anyAuthMethod, authMethods, authMethodsByText } from "./auth/auth-methods.js";
import { otherMethodIn } from "./auth/other-methods.js";
import type { Login } from "./operation.js";
import { sentinelPolicyIn } from "./sentinel.js";
import { type OtherRule, VaultError } from "./vault-error.js";
import { saidIn } from "./vault-errors.js";

/** A login's 500 where it is the mount's set-up; `undefined` for what may pass. */
export function classifyLoginFailure(login: Login, status: number, errors: readonly string[]): VaultError | undefined {
  const why = explained(login, errors);
  return why === undefined ? undefined : loginDenied(login, status, why);
}

/**
 * A login's 400 or 403, in our words, then the fixed part of Vault's: all else may quote the token's claims. `wall` is the
 * time in milliseconds since the epoch.
 */
export function classifyLoginError(
  login: Login,
  connection: Connection,
  status: number,
  errors: readonly string[],
  wall: number,
): VaultError {
  const sentinel = sentinelPolicyIn(errors);
  if (sentinel !== undefined)
    return loginDenied(login, status, `${sentinel} denies it, whatever the role takes`, "sentinel");
  const isThere = status !== 404 && status !== 405 && !saysNoMount(errors);
  const why =
    explained(login, errors) ??
    (isThere ? (expired(login, wall) ?? unknown(login, connection, status)) : noLogin(login, status));
  return loginDenied(login, status, why);
}

/** Where a login's answer demands a second factor, it has no token (Vault and OpenBao: identity/mfa/login-enforcement). */
export function secondFactorDemanded(login: Login, status: number): VaultError {
  const why = `it demands a second factor (MFA) of logins at auth/${login.authMount}, which no pod can give; take that mount, or the pods' entities, out of the enforcement (identity/mfa/login-enforcement)`;
  return loginDenied(login, status, why);
}

function loginDenied(
  { serviceAccount, audience, vaultNamespace }: Login,
  status: number,
  why: string,
  rule?: OtherRule,
): VaultError {
  const where = vaultNamespace === "" ? "" : ` in the Vault namespace ${named(vaultNamespace)}`;
  const message = `Vault refused the login of ${serviceAccount} (audience ${quoted(audience)})${where}: ${why}`;
  return new VaultError("login_denied", message, { status, ...(rule && { rule }) });
}

/** By every method, ours before others: a mount may be of another than the configuration file says. */
function explained(login: Login, errors: readonly string[]): string | undefined {
  const why = authMethodsByText.map((method) => method.explain(errors, login)).find((one) => one !== undefined);
  if (why !== undefined) return why;
  const other = otherMethodIn(errors);
  return other && `auth/${login.authMount} is of another method than ${anyAuthMethod}: ${other}`;
}

/** By the token's own `exp`: a TokenReview of an expired token is answered with a bare 403. */
function expired({ expiresAt }: Login, wall: number): string | undefined {
  if (expiresAt === undefined || wall <= expiresAt) return undefined;
  return tokenExpired(` (${new Date(expiresAt).toISOString()})`);
}

/** The methods that a login's mount may be of: only the connection's own mount is known to be of its method. */
function methodsAt({ authMount }: Login, connection: Connection): readonly AuthMethod[] {
  return authMount === connection.authMount ? [authMethods[connection.authMethod]] : authMethodsByText;
}

/** Where Vault Enterprise's namespace has no such mount; before Vault 1.12 such a path was one that demands a token. */
export function saysNoMount(errors: readonly string[]): boolean {
  const says = saidIn(errors);
  return says("no handler for route") || says("missing client token");
}

function noLogin({ authMount }: Login, status: number): string {
  return `there is no login at auth/${authMount} (${status}); correct the mount's path or the Vault namespace`;
}

/** A bare 403 is Vault's answer to several things; it does not tell which. */
function unknown(login: Login, connection: Connection, status: number): string {
  const { authMount: mount } = login;
  const role = named(login.role);
  if (status !== 403) {
    return `see the role ${role} at auth/${mount}; Vault's reason may quote the token's claims and is not shown here: a login with the vault CLI and such a token shows it (${status})`;
  }
  const reasons = methodsAt(login, connection).map(({ deniedReason }) => deniedReason);
  return (
    `permission denied: either the role ${role} at auth/${mount} does not take this service account or its token's ` +
    `audience, or its token_bound_cidrs leave this node's address out, or auth/${mount} does not exist${reasons.join("")}`
  );
}
