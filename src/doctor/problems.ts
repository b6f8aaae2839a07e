import { anyAuthMethod } from "../vault/auth/auth-methods.js";

/** The role that can fix a problem. */
export type Owner =
  | "the application's team"
  | "the cluster administrator"
  | "Vault's operator"
  | "the network administrator"
  | "the user of doctor";

/** What the walk looks at, in its order. */
export const steps = [
  "socket",
  "configuration",
  "class",
  "connection",
  "policy",
  "driver",
  "dns",
  "tcp",
  "tls",
  "vault",
  "auth",
  "role",
  "token",
  "login",
  "object",
  "logout",
] as const;
export type Step = (typeof steps)[number];

interface KnownProblem {
  who: Owner;
  /** What to do, where the place that found it knows nothing better. */
  fix: string;
}

const raiseQuota = "wait, or raise the rate limit or quota that the finding tells of";

/** Everything that can be found broken. The names are printed by `--json` and stay as they are. */
export const problems = {
  "socket.absent": {
    who: "the cluster administrator",
    fix: "see that keymount's pod runs on this node; until then the driver refuses every mount at once",
  },
  "socket.stale": {
    who: "the cluster administrator",
    fix: "start keymount on this node; where it does not listen, remove the file, or give keymount the directory with --additional-socket-dir; until then the driver waits two minutes at every mount",
  },
  "socket.not-a-socket": { who: "the cluster administrator", fix: "remove it, and let keymount make its socket there" },
  "socket.mute": { who: "the cluster administrator", fix: "look into the log of the process that listens there" },
  "socket.other-program": {
    who: "the cluster administrator",
    fix: "remove the other provider, or give keymount another name with --provider-name",
  },
  "configuration.mistake": {
    who: "the cluster administrator",
    fix: "correct it where it stands; docs/configuration.md has every setting",
  },
  "class.absent": {
    who: "the application's team",
    fix: "create the class, or correct its name or namespace in the pod's volume",
  },
  "class.mistake": {
    who: "the application's team",
    fix: "correct the class; keymount check tells the line and column",
  },
  "class.provider": {
    who: "the application's team",
    fix: "write the name of keymount's socket into the class's spec.provider",
  },
  "connection.unknown": { who: "the application's team", fix: "choose a connection of the configuration file" },
  "policy.refused": {
    who: "the cluster administrator",
    fix: "widen the settings named, if the pod is meant to have this; else reduce what the class requests",
  },
  "driver.absent": { who: "the cluster administrator", fix: "install the Secrets Store CSI driver" },
  "driver.pod-info": {
    who: "the cluster administrator",
    fix: "set podInfoOnMount: true in its spec, as the driver's own manifests do",
  },
  "driver.lifecycle": {
    who: "the cluster administrator",
    fix: "set volumeLifecycleModes: [Ephemeral] in its spec, as the driver's own manifests do; the object must be made again for it",
  },
  "driver.token-requests": {
    who: "the cluster administrator",
    fix: "add the audience to tokenRequests in its spec",
  },
  "dns.absent": {
    who: "the cluster administrator",
    fix: "correct the connection's address; the name must be known where keymount runs",
  },
  "dns.silent": { who: "the network administrator", fix: "see that DNS answers where keymount runs" },
  "tcp.refused": {
    who: "Vault's operator",
    fix: "start Vault there, or have the cluster administrator correct the address's port",
  },
  "tcp.unreachable": {
    who: "the network administrator",
    fix: "let keymount's node reach this address: routes, firewalls, NetworkPolicies",
  },
  "tls.files": {
    who: "the cluster administrator",
    fix: "put a good file there; keymount reads it again within ten seconds of its next use",
  },
  "tls.no-tls": { who: "the cluster administrator", fix: "correct the address's scheme or port" },
  "tls.version": { who: "Vault's operator", fix: "let the listener speak TLS 1.2 or newer, and HTTP/1.1" },
  "tls.untrusted": {
    who: "the cluster administrator",
    fix: "give the CA that signed Vault's certificate in the connection's tls.caFile",
  },
  "tls.name": {
    who: "the cluster administrator",
    fix: "use an address that the certificate names, or set the connection's tls.serverName to one; else Vault's operator has to issue another",
  },
  "tls.unfit": {
    who: "Vault's operator",
    fix: "issue a certificate for serverAuth, for this name, of CAs that may sign it",
  },
  "tls.dates": { who: "Vault's operator", fix: "renew the certificate, and see that the clocks are right" },
  "tls.client-certificate": {
    who: "the cluster administrator",
    fix: "give a certificate that Vault's listener takes in the connection's tls.certFile and tls.keyFile",
  },
  "vault.no-answer": { who: "Vault's operator", fix: "look into Vault's log" },
  "vault.not-vault": { who: "the cluster administrator", fix: "correct the address, or what stands before Vault" },
  "vault.uninitialised": { who: "Vault's operator", fix: "initialise and unseal it (vault operator init)" },
  "vault.sealed": { who: "Vault's operator", fix: "unseal it (vault operator unseal)" },
  "vault.dr-secondary": {
    who: "the cluster administrator",
    fix: "list the addresses of the primary cluster; a disaster recovery secondary serves no clients",
  },
  "vault.other-cluster": {
    who: "the cluster administrator",
    fix: "list the nodes of one cluster in a connection; make another connection for the other",
  },
  "auth.absent": {
    who: "Vault's operator",
    fix: "enable it there (vault auth enable), or correct the mount or Vault namespace in the class or connection",
  },
  "auth.other-method": {
    who: "Vault's operator",
    fix: `name a mount of the ${anyAuthMethod} method in the class or connection`,
  },
  "auth.unconfigured": { who: "Vault's operator", fix: "write its configuration (vault write auth/…/config)" },
  "auth.namespace-absent": {
    who: "Vault's operator",
    fix: "create the namespace, unseal its parents, or have the Vault namespace in the class or connection corrected",
  },
  "auth.namespace-sealed": { who: "Vault's operator", fix: "unseal it, from its parent (bao namespace unseal)" },
  "auth.namespace-locked": { who: "Vault's operator", fix: "unlock it (vault namespace unlock)" },
  "auth.not-vault": {
    who: "the cluster administrator",
    fix: "let what stands before Vault (a proxy, gateway or mesh) pass on its auth/ paths",
  },
  "auth.quota": { who: "Vault's operator", fix: raiseQuota },
  "auth.no-answer": { who: "Vault's operator", fix: "look into Vault's log" },
  "role.absent": { who: "Vault's operator", fix: "write the role, or have the class's roleName corrected" },
  "role.no-answer": { who: "Vault's operator", fix: "look into Vault's log" },
  "token.account": {
    who: "the application's team",
    fix: "create the service account, or name another with --service-account",
  },
  "token.unusable": { who: "the user of doctor", fix: "give a token that fits" },
  "login.denied": {
    who: "Vault's operator",
    fix: "let the role take this service account and audience; where it does, let Vault reach the Kubernetes API and review tokens there",
  },
  "login.issuer": {
    who: "Vault's operator",
    fix: "set the issuer that the mount expects to the token's (vault write auth/…/config: issuer, or bound_issuer of a jwt mount); of a kubernetes mount disable_iss_validation=true does as well",
  },
  "login.sentinel": {
    who: "Vault's operator",
    fix: "let the Sentinel policy pass this login (sys/policies/egp/NAME); the auth mount and its role are not at fault",
  },
  "login.not-vault": {
    who: "the cluster administrator",
    fix: "let what stands before Vault (a proxy, gateway or mesh) pass on its auth/ paths",
  },
  "login.quota": { who: "Vault's operator", fix: raiseQuota },
  "login.failed": { who: "Vault's operator", fix: "look into Vault's log" },
  "object.denied": {
    who: "Vault's operator",
    fix: "let a policy of the role read this path, or have the class's secretPath corrected",
  },
  "object.sentinel": {
    who: "Vault's operator",
    fix: "let the Sentinel policy pass this request (sys/policies/egp/NAME or rgp/NAME); the role's own policies are not at fault",
  },
  "object.wrapped": {
    who: "Vault's operator",
    fix: "take the control group, or min_wrapping_ttl and max_wrapping_ttl, off the policies of this role for the path",
  },
  "object.path": { who: "the application's team", fix: "write the object's secretPath as the finding says" },
  "object.namespace": {
    who: "Vault's operator",
    fix: "unseal or unlock the Vault namespace that holds the path, or have the class's secretPath corrected",
  },
  "object.absent": { who: "the application's team", fix: "write the secret, or correct the object's secretPath" },
  "object.value": { who: "the application's team", fix: "correct the object in the class, or what the secret holds" },
  "object.refused": { who: "the application's team", fix: "correct the object in the class" },
  "object.not-vault": {
    who: "the cluster administrator",
    fix: "let what stands before Vault (a proxy, gateway or mesh) pass on this path",
  },
  "object.quota": { who: "Vault's operator", fix: raiseQuota },
  "object.failed": { who: "Vault's operator", fix: "look into Vault's log" },
  "logout.failed": { who: "Vault's operator", fix: "look into Vault's log; the token ends with its time" },
} as const satisfies Record<`${Step}.${string}`, KnownProblem>;

export type ProblemName = keyof typeof problems;

/** Something is broken. `what` is in our words: it holds no token, no value and no stranger's unfiltered text. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly known: ProblemName;
  /** What was found, one by one; `what` has them all. */
  readonly each: readonly string[];
  readonly fix: string;

  constructor(known: ProblemName, found: string | readonly string[], fix: string = problems[known].fix) {
    const each = [found].flat();
    super(each.join("; "));
    this.known = known;
    this.each = each;
    this.fix = fix;
  }

  get what(): string {
    return this.message;
  }

  get who(): Owner {
    return problems[this.known].who;
  }
}

/** Why something could not be judged from here. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}
