import { named } from "../../shared/quoted.js";
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
  /** What a refused login means and what to look at, in our words and then Vault's; `undefined` for errors that are not this method's. */
  explain(errors: readonly string[], role: AuthRole): string | undefined;
  /** A further reason for a 403 that gives none, continuing a sentence; empty where the method has no other. */
  readonly deniedReason: string;
  /** What the answer to a login with no role, or with no real token, tells; `undefined` for what is not this method's. */
  probe(errors: readonly string[]): ProbeFinding | undefined;
}

/** A cause of a refused login. */
export interface LoginCause {
  /** A fixed part of Vault's text, which holds no name and no claim; it is quoted. */
  says: string;
  /** Of a role whose name is quoted where it is not plain, so that spaces around it show. */
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

/** `at` may tell when. */
export const tokenExpired = (at = "") =>
  `the service account token has expired${at}; the kubelet sends a new one with the next Mount`;

/** What a token's times say, in every method that reads them (hashicorp/cap, jwt/jwt.go). */
export const tokenTimes: readonly LoginCause[] = [
  { says: "token is expired", means: () => tokenExpired() },
  {
    says: "token not yet valid",
    means: () => "the service account token is not valid yet; compare the clocks of Vault and of the API server",
  },
  {
    says: "token issued in the future",
    means: () =>
      "the service account token is of a later time than Vault's; compare the clocks of Vault and of the API server",
  },
];

/** An `explain` by the first cause of a table that matches. */
export function explainBy(causes: readonly LoginCause[]): AuthMethod["explain"] {
  return (errors, role) => {
    const cause = causes.find(({ says }) => errors.some((error) => error.includes(says)));
    return cause && `${cause.means({ ...role, role: named(role.role) })}; Vault says "${cause.says}"`;
  };
}

/** A `probe` by the first text of a table that matches. */
export function probeBy(findings: Readonly<Record<ProbeFinding, RegExp>>): AuthMethod["probe"] {
  const tests = Object.entries(findings) as [ProbeFinding, RegExp][];
  return (errors) => tests.find(([, says]) => errors.some((error) => says.test(error)))?.[0];
}
