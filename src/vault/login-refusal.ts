import { named, quoted } from "../shared/quoted.js";
import type { AuthMethod } from "./auth/auth-method.js";
import { anyAuthMethod, authMethods, authMethodsByText } from "./auth/auth-methods.js";
import { otherMethodIn } from "./auth/other-methods.js";
import type { Operation } from "./operation.js";
import { VaultError } from "./vault-error.js";

/** A login's 500 where it is the mount's set-up; `undefined` for what may pass. */
export function classifyLoginFailure(
  operation: Operation,
  status: number,
  errors: readonly string[],
): VaultError | undefined {
  const { login = noLogin } = operation;
  const why = explained(operation, errors) ?? otherMethod(login.authMount, errors);
  return why === undefined ? undefined : loginDenied(operation, status, why);
}

/**
 * A login's 400 or 403, in our words, then the fixed part of Vault's: all else may quote the token's claims. `wall` is the
 * time in milliseconds since the epoch.
 */
export function classifyLoginRefusal(
  operation: Operation,
  status: number,
  errors: readonly string[],
  wall: number,
): VaultError {
  const why =
    explained(operation, errors) ??
    otherMethod(operation.login?.authMount ?? "", errors) ??
    expired(operation, wall) ??
    unknown(operation, status);
  return loginDenied(operation, status, why);
}

function loginDenied({ login = noLogin }: Operation, status: number, why: string): VaultError {
  const { serviceAccount, audience } = login;
  const message = `Vault refused the login of ${serviceAccount} (audience ${quoted(audience)}): ${why}`;
  return new VaultError("login_denied", message, { status });
}

const noLogin = { role: "", authMount: "", serviceAccount: "", audience: "" };

/** By every method: a mount may be of another than the configuration file says. */
function explained({ login = noLogin }: Operation, errors: readonly string[]): string | undefined {
  return authMethodsByText.map((method) => method.explain(errors, login)).find((why) => why !== undefined);
}

/** By the token's own `exp`: a TokenReview of an expired token is answered with a bare 403. */
function expired({ login }: Operation, wall: number): string | undefined {
  if (login?.expiresAt === undefined || wall <= login.expiresAt) return undefined;
  const at = new Date(login.expiresAt).toISOString();
  return `the service account token has expired (${at}); the kubelet sends a new one with the next Mount`;
}

function otherMethod(mount: string, errors: readonly string[]): string | undefined {
  const method = otherMethodIn(errors);
  return method && `auth/${mount} is of another method than ${anyAuthMethod}: ${method}`;
}

/** The methods that a login's mount may be of: only the connection's own mount is known to be of its method. */
function methodsAt({ connection, login = noLogin }: Operation): readonly AuthMethod[] {
  return login.authMount === connection.authMount ? [authMethods[connection.authMethod]] : authMethodsByText;
}

/** A bare 403 is Vault's answer to several things; it does not tell which. */
function unknown(operation: Operation, status: number): string {
  const { role: written, authMount: mount } = operation.login ?? noLogin;
  const role = named(written);
  if (status === 404 || status === 405) return `there is no login at auth/${mount} (${status})`;
  if (status !== 403) {
    return `see the role ${role} at auth/${mount}; Vault's reason may quote the token's claims and is not shown here: a login with the vault CLI and such a token shows it (${status})`;
  }
  const reasons = methodsAt(operation).map(({ deniedReason }) => deniedReason);
  return (
    `permission denied: either the role ${role} at auth/${mount} does not take this service account or its token's ` +
    `audience, or auth/${mount} does not exist${reasons.join("")}`
  );
}
