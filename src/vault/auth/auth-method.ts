import { Redacted } from "../../shared/redacted.js";

/** A role at an auth mount; the mount without `auth/`. */
export interface AuthRole {
  authMount: string;
  role: string;
}

/** A POST that gives a Vault token. */
export interface LoginRequest {
  /** After `/v1/`, not escaped. */
  path: string;
  body: Redacted<object>;
}

export type ProbeFinding = "enabled" | "unconfigured" | "role absent";

/** A way to log in to Vault with a service account token. Pure: the caller sends what `login` gives. */
export interface AuthMethod {
  login(role: AuthRole, jwt: Redacted<string>): LoginRequest;
  /** What a refused login means and what to look at, in our words; `undefined` for errors that are not this method's. */
  explain(status: number, errors: readonly string[], role: AuthRole): string | undefined;
  /** A further reason for a 403 that gives none, continuing a sentence; empty where the method has no other. */
  readonly deniedReason: string;
  /** What the answer to a login with no role, or with no real token, tells; `undefined` for what is not this method's. */
  probe(errors: readonly string[]): ProbeFinding | undefined;
}

/** A text of Vault, the status it comes with, and what it means. */
export interface LoginCause {
  status: number;
  says: RegExp;
  means: (role: AuthRole) => string;
}

/** The login of a method that takes the token as it is. */
export const loginWithToken: AuthMethod["login"] = ({ authMount, role }, jwt) => ({
  path: `auth/${authMount}/login`,
  body: new Redacted({ role, jwt: jwt.reveal() }),
});

export const hasNoRole: LoginCause["means"] = ({ authMount, role }) => `auth/${authMount} has no role ${role}`;

export const isNotConfigured: LoginCause["means"] = ({ authMount }) =>
  `auth/${authMount} is not configured; write auth/${authMount}/config`;

/** An `explain` by the first cause of a table that matches. */
export function explainBy(causes: readonly LoginCause[]): AuthMethod["explain"] {
  return (status, errors, role) =>
    causes.find((cause) => cause.status === status && errors.some((error) => cause.says.test(error)))?.means(role);
}

/** A `probe` by the first text of a table that matches. */
export function probeBy(findings: Readonly<Record<ProbeFinding, RegExp>>): AuthMethod["probe"] {
  const tests = Object.entries(findings) as [ProbeFinding, RegExp][];
  return (errors) => tests.find(([, says]) => errors.some((error) => says.test(error)))?.[0];
}
