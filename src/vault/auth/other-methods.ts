/**
 * What auth methods that take no service account answer to a login with nothing of theirs, by method: Vault 1.21.1's
 * words, run against the real ones, and OpenBao 2.6.2's for approle. Methods for people (userpass, ldap, okta) and oci
 * have no login at that path, and answer as if nothing were mounted.
 */
const answers: Readonly<Record<string, RegExp>> = {
  approle: /^(failed to determine alias name from login request|missing role_id|invalid role or secret ID)$/,
  aws: /^didn't supply required authentication values$/,
  azure: /^jwt is required$/,
  cert: /^tls connection required$/,
  gcp: /^role is required$/,
  github: /^configuration has not been set$/,
  kerberos: /^backend kerberos not configured$/,
  radius: /^(radius backend not configured|username cannot be empty)$/,
  cf: /^('role-name' is required|no matching role)$/,
  alicloud: /^missing identity_request_url$/,
};

/** The method whose words those are; `undefined` where they are of none of these. */
export function otherMethodIn(errors: readonly string[]): string | undefined {
  return Object.keys(answers).find((method) => errors.some((error) => answers[method]!.test(error)));
}
