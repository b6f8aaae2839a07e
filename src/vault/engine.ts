/** Steps that follow the name of a mount in the paths of Vault's own engines. */
const afterMount = new Set(
  (
    "data metadata delete undelete destroy subkeys creds static-creds static-cred roles role roleset static-account " +
    "impersonated-account issue sign sign-verbatim issuer cert certs ca ca_chain crl encrypt decrypt rewrap datakey " +
    "keys key code token sts library login"
  ).split(" "),
);

/**
 * The engine (or auth mount) that a path leads to, as far as the path tells: the steps before one that Vault's own
 * engines are known by (`team/db/creds/app` is of `team/db`), else the first. What is of one engine fails together.
 */
export function engineOf(path: string): string {
  const steps = path.split("/");
  const isAuth = steps[0] === "auth" && steps.length > 1;
  const first = isAuth ? 2 : 1;
  const verb = steps.findIndex((step, at) => at >= first && afterMount.has(step));
  return steps.slice(0, verb > 0 ? verb : first).join("/");
}
