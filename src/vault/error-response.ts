import type { Connection } from "../config/connection.js";
import { type JsonObject, isJsonNumber, isJsonObject } from "../shared/json.js";
import { closedNamespaceIn, closedNamespaceTexts } from "./closed-namespace.js";
import { type Failure, final } from "./failure.js";
import { classifyLoginFailure, classifyLoginError, secondFactorDemanded } from "./login-error.js";
import { disasterRecovery, recoverySays, sealed, uninitialised } from "./node-failures.js";
import { sentinelPolicyIn } from "./sentinel.js";
import { type Operation, answersRaw, renewSelfPath } from "./operation.js";
import { type MountDoubt, VaultError, type VaultErrorKind } from "./vault-error.js";
import type { VaultReply } from "./vault-reply.js";
import { errorsIn, isVaults, saidIn } from "./vault-errors.js";
import { maskedSentence, spokenBy } from "./masked-sentence.js";

/** Where an answer came from. */
export interface Source {
  origin: string;
  /** Milliseconds since the epoch, for a `Retry-After` that is a date. */
  wall: number;
}

/**
 * What an answer that is no success means, as Vault 1.21.1 really answers. `undefined`: it is a success. Vault's status
 * alone tells little: 429 is a quota, 500 an engine or a node without a leader, 400 on a renewal an engine that is down.
 */
export function classifyResponse(operation: Operation, reply: VaultReply, source: Source): Failure | undefined {
  const { status } = reply;
  if (status === 204 && reply.raw && answersRaw(operation)) return nothingAt(operation, status);
  if (status === 200 || status === 204) return wrapped(operation, reply) ?? halfLogin(operation, reply);
  const errors = errorsIn(reply.body);
  const says = saidIn(errors);

  if (status >= 300 && status < 400) return redirected(operation.connection, reply, source);
  if (says("vault is sealed")) return { ...sealed(status, source.origin), scope: "unsettled" };
  if (says(recoverySays)) {
    return { ...disasterRecovery(status, source.origin), scope: "unsettled" };
  }
  if (status === 429) return quota(operation, reply, says, source);
  const closed = closedNamespace(operation, status, errors);
  if (closed) return closed;
  if (status >= 500 || status === 412) return failed(operation, reply, errors, source);
  if (!isVaults(reply.body)) return notVault(reply, source);
  const { login, connection } = operation;
  if (login) return final(classifyLoginError(login, connection, status, errors, source.wall));
  if (status === 403 && (says("invalid token") || isBare(errors))) {
    return refusal("token_invalid", status, "the Vault token is no longer valid");
  }
  // Its auth method refuses it, as OpenBao 2.6.4 does once the service account token has ended: the token was let ask.
  const ofMethod = operation.path === renewSelfPath && says("failed to renew entry");
  if (operation.kind === "renew" && (status !== 403 || ofMethod)) return unrenewed(operation, status, says, source);
  const sentinel = status === 403 ? sentinelPolicyIn(errors) : undefined;
  if (sentinel !== undefined) return ruledOut(operation, sentinel, status);
  if (status === 403) {
    // Of `sys/internal/ui/mounts/PATH`: no mount, or none that the token may use.
    const isUnseen = operation.kind === "lookup" && says("preflight capability check");
    const doubt = isUnseen ? "none" : mountDoubt(operation);
    return refusal("denied", status, denialOf(operation), doubt);
  }
  if (status === 400 && errors.some((error) => startingKv.some((text) => error.startsWith(text)))) {
    const message = `the KV engine of ${operation.path} is starting (400), and answers shortly`;
    return { error: new VaultError("engine", message, { status }), retry: "always", scope: "engine" };
  }
  const absent = status === 404 ? gone(operation, reply.body, errors) : undefined;
  if (absent) return absent;
  if (status === 405) {
    return refusal(
      "refused",
      status,
      `Vault does not take ${operation.method} at ${operation.path}; see the object's \`method\``,
      // As OpenBao says of a LIST where KV version 2 has the secrets; Vault warns with a 404.
      operation.method === "LIST" ? mountDoubt(operation) : undefined,
    );
  }
  const spoken = spokenBy(operation);
  const sentence = spoken && maskedSentence(errors, spoken);
  return refusal(
    "refused",
    status,
    `Vault refused ${operation.method} ${operation.path} (${status})${sentence === undefined ? hiddenReason : `: ${sentence}`}`,
  );
}

/**
 * While it starts, also after an unseal or with a new leader: of KV version 2 (vault-plugin-secrets-kv, `upgradeCheck`), on the
 * primary and on those that wait for it.
 */
const startingKv = [
  "Upgrading from non-versioned to versioned data",
  "Waiting for the primary to upgrade from non-versioned to versioned data",
];

const hiddenReason =
  "; its reason may quote what was sent and is not shown here: the same request with the vault CLI shows it";

/**
 * A 200 whose answer is wrapped, to be unwrapped later or after a control group's approval. It holds no secret,
 * and must not be taken for an empty one.
 */
function wrapped({ path }: Operation, { status, body }: VaultReply): Failure | undefined {
  if (!isJsonObject(body?.["wrap_info"])) return undefined;
  const message = `Vault answers ${path} with a wrapping token instead of the secret: a control group, or a policy that demands response wrapping (min_wrapping_ttl), applies to the path; take it off for this role`;
  return final(new VaultError("refused", message, { status, rule: "wrapping" }));
}

function halfLogin({ login }: Operation, { status, body }: VaultReply): Failure | undefined {
  const auth = body?.["auth"];
  if (!login || !isJsonObject(auth) || !isJsonObject(auth["mfa_requirement"]) || auth["client_token"] !== "")
    return undefined;
  return final(secondFactorDemanded(login, status));
}

/**
 * A redirect is followed to where the connection lists it, and never by the path it names: Vault names the active node's
 * scheme and host only (http/handler.go respondStandby), so that the prefix is the listed address's own.
 */
function redirected({ addresses, name }: Connection, { status, headers }: VaultReply, { origin }: Source): Failure {
  const target = originOf(headers.location, origin);
  if (status !== 307 || target === undefined) {
    return { error: unfollowed(status, headers.location, origin), retry: "never", scope: "unsettled" };
  }
  const ofTarget = addresses.filter((address) => originOf(address.origin) === target);
  const error = new VaultError(
    "outage",
    `${origin} sends us to ${target}${ofTarget.length > 0 ? "" : `, which the connection ${name} does not list among its addresses`}`,
    { status },
  );
  const other = ofTarget.find((address) => address.origin !== origin);
  return {
    error,
    retry: "always",
    scope: "unsettled",
    ofLeader: true,
    ...(other && { redirectTo: other.origin }),
  };
}

/** Of a redirect that is followed nowhere: such as an ingress makes, from http:// to https:// or to a login page. */
export function unfollowed(status: number, location: string | undefined, origin: string): VaultError {
  const target = originOf(location, origin);
  const isOther = target !== undefined && target !== origin;
  const to = isOther ? ` to ${target}; if Vault is there, write that as the connection's address` : "";
  return new VaultError("protocol", `${origin} answered with a redirect (${status})${to}`, { status });
}

/** Of an http or https URL, without any path. */
function originOf(location: string | undefined, base?: string): string | undefined {
  try {
    const { protocol, origin } = new URL(location ?? "", base);
    return /^https?:$/.test(protocol) && origin.length <= 200 ? origin : undefined;
  } catch {
    return undefined; // Not a URL: nothing to follow.
  }
}

function closedNamespace(
  { vaultNamespace, path }: Operation,
  status: number,
  errors: readonly string[],
): Failure | undefined {
  const closed = closedNamespaceIn(status, errors);
  if (!closed) return undefined;
  const which = vaultNamespace === "" ? `the Vault namespace of ${path}` : `the Vault namespace ${vaultNamespace}`;
  return {
    error: new VaultError("namespace", `${which} ${closedNamespaceTexts[closed]} (${status})`, { status }),
    retry: "never",
    scope: "engine",
  };
}

function quota(
  { method, path }: Operation,
  { status, headers, body }: VaultReply,
  says: (text: string) => boolean,
  { origin, wall }: Source,
): Failure {
  const retryAfterMs = retryAfter(headers["retry-after"], wall);
  const limit = quotaText(body, says, origin);
  return final(
    new VaultError("quota", `${limit} (429): ${method} ${path}${waitAskedFor(retryAfterMs)}`, { status, retryAfterMs }),
  );
}

/** Which limit a 429 tells of. */
export function quotaText(body: VaultReply["body"], says: (text: string) => boolean, origin: string): string {
  if (!isVaults(body)) return `a rate limit of what stands before Vault at ${origin} is exceeded`;
  // Vault Enterprise; waiting helps only as leases end.
  if (says("lease count quota")) return "a lease count quota of Vault is full until leases end or it is raised";
  return "a rate limit or quota of Vault is exceeded";
}

/** Vault Enterprise 1.18 and newer, which protects itself from more writes than its storage takes: logins and leases first. */
function overloaded({ method, path }: Operation, { status, headers }: VaultReply, { origin, wall }: Source): Failure {
  const retryAfterMs = retryAfter(headers["retry-after"], wall);
  const message = `Vault at ${origin} is overloaded (503): ${method} ${path}${waitAskedFor(retryAfterMs)}`;
  return { error: new VaultError("engine", message, { status, retryAfterMs }), retry: "never", scope: "engine" };
}

function waitAskedFor(retryAfterMs: number | undefined): string {
  return retryAfterMs === undefined ? "" : `; it asks to wait ${Math.ceil(retryAfterMs / 1_000)} s`;
}

function retryAfter(value: string | undefined, wall: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - wall;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 3_600_000) : undefined;
}

/**
 * Vault says "local node not active" and "leadership lost" with a 500; every other 500 of its own is an engine's. What a
 * leader wrote while it lost its leadership may stand after all (hashicorp/raft ErrLeadershipLost), so it is not
 * asked for twice. An engine's text may hold the same words, so the node's health has the last one.
 */
function failed(operation: Operation, reply: VaultReply, errors: readonly string[], source: Source): Failure {
  const { status, body } = reply;
  const { origin } = source;
  const says = saidIn(errors);
  const noLeader = new VaultError("outage", `Vault at ${origin} has no active node at the moment`, { status });
  if (says("leadership lost")) return { error: noLeader, retry: "repeatable", scope: "unsettled", ofLeader: true };
  if (["node not active", "no active node", "node is not the leader"].some(says)) {
    return { error: noLeader, retry: "always", scope: "unsettled", ofLeader: true };
  }
  // Of OpenBao before 2.6.2, where a standby reads for itself and forwards neither renewals nor revocations of leases.
  if (says("storage is read-only")) {
    const what = `${origin} is a standby that does not forward ${operation.path}; OpenBao 2.6.2 and newer does`;
    return { error: new VaultError("engine", what, { status }), retry: "elsewhere", scope: "request" };
  }
  if (status === 412) {
    const error = new VaultError("outage", `Vault at ${origin} has not caught up yet (412)`, { status });
    return { error, retry: "always", scope: "request" };
  }
  if (status === 501 && isVaults(body)) return { ...uninitialised(status, origin), scope: "unsettled" };
  if (status === 503 && isVaults(body) && says("overloaded")) return overloaded(operation, reply, source);
  // Vault Agent and Proxy say it with a 500 of their own when Vault does not answer them.
  if (status !== 500 || says("failed to get the response") || !isVaults(body)) {
    const error = new VaultError("outage", `${origin} answered with ${status}`, { status });
    return { error, retry: "repeatable", scope: "unsettled" };
  }
  const setup = operation.login && classifyLoginFailure(operation.login, status, errors);
  if (setup) return final(setup);
  if (operation.kind === "renew") return unrenewed(operation, status, says, source);
  return engineDown(
    `Vault could not do ${operation.method} ${operation.path} (500); what its engine talks to may be down, Vault's log has the reason`,
    status,
  );
}

function engineDown(message: string, status: number): Failure {
  return { error: new VaultError("engine", message, { status }), retry: "never", scope: "engine" };
}

/**
 * Of a token that is not known, before any policy is asked: OpenBao 2.6.2, and Vault before 1.17, whose denials are a list of
 * one (`1 error occurred: …`). Vault 1.17 and newer adds `invalid token`. Both say it of one that is used from outside its
 * networks (`token_bound_cidrs`), which a login then says better.
 */
function isBare(errors: readonly string[]): boolean {
  return errors.length === 1 && errors[0] === "permission denied";
}

function notVault({ status, headers }: VaultReply, { origin }: Source): Failure {
  return { error: unlikeVault(status, headers["content-type"], origin), retry: "never", scope: "unsettled" };
}

/** What Go's HTTP server says, in the clear, to one who speaks plain HTTP to its TLS port. A page about a path may say it too. */
export function wantsTls({ status, text }: VaultReply, origin: string): Failure | undefined {
  if (!text?.reveal().includes("HTTP request to an HTTPS server")) return undefined;
  const error = new VaultError("configuration", `${origin} speaks TLS; write its address with https://`, { status });
  return { error, retry: "elsewhere", scope: "node" };
}

/** What answers is no Vault, or something stands before it. */
export function unlikeVault(status: number, contentType: string | undefined, origin: string): VaultError {
  const type = /^[\w.+/-]{1,60}/.exec(contentType ?? "")?.[0] ?? "no content type";
  return new VaultError(
    "protocol",
    `${origin} answered ${status} with something that is not Vault's JSON (${type}); is it Vault, or a proxy's page?`,
    { status },
  );
}

/**
 * A lease's renewal asks the engine's backend; a token's (`renew-self`) asks its role, so that what is said of one is its own
 * affair: for good where the words say so or it is a 4xx, else for now.
 */
function unrenewed({ path }: Operation, status: number, says: (text: string) => boolean, { origin }: Source): Failure {
  if (says("lease not found") || says("invalid lease")) {
    return refusal("lease_gone", status, "the lease has ended or was revoked");
  }
  // As Vault 1.21.1 says it of leases and tokens that are not renewable, of batch tokens, and past a max_ttl.
  const never = ["is not renewable", "cannot be renewed", "past the max ttl", "does not exist during renewal"].some(
    says,
  );
  const ofToken = path === renewSelfPath;
  if (never || (ofToken && status < 500)) {
    return refusal("refused", status, `Vault does not renew it any further (${status})`);
  }
  const what = ofToken ? "the token" : "the lease";
  return engineDown(`Vault at ${origin} could not renew ${what}; what its engine talks to may be down`, status);
}

function ruledOut({ method, path }: Operation, policy: string, status: number): Failure {
  const message = `permission denied: ${method} ${path}; ${policy} denies it, whatever the role's own policies allow`;
  return final(new VaultError("denied", message, { status, rule: "sentinel" }));
}

function denialOf(operation: Operation): string {
  return `permission denied: ${operation.method} ${operation.path}; the role's policies do not allow it, or the path does not exist`;
}

/** First steps of paths that are Vault's own. */
const ofVault = new Set(["sys", "auth", "identity", "cubbyhole"]);

/** Whether the path of a read may be written wrong: that of an engine, and long enough to have a step too few or too many. */
function mountDoubt({ method, path }: Operation): MountDoubt | undefined {
  const [first = "", ...rest] = path.split("/");
  const isRead = method === "LIST" || (method === "GET" && rest.length > 0);
  return isRead && !ofVault.has(first) ? "any" : undefined;
}

/**
 * Absence is only what an engine says is absent: a 404 with an empty `errors`, or with KV v2's metadata of a version. Every
 * other 404 has a reason of its own, and optional files and defaults must not come of it; `undefined` for one that is not
 * known.
 */
function gone(operation: Operation, body: JsonObject | null, errors: readonly string[]): Failure | undefined {
  const { path, method } = operation;
  const data = body?.["data"];
  const metadata = isJsonObject(data) ? data["metadata"] : undefined;
  if (isJsonObject(metadata)) {
    const version = isJsonNumber(metadata["version"]) ? ` version ${metadata["version"].toString().slice(0, 12)}` : "";
    if (metadata["destroyed"] === true)
      return refusal("destroyed", 404, `${path}${version} was destroyed; write a new version`);
    const at = metadata["deletion_time"];
    const when = typeof at === "string" && /^\d[\dT:.Z+-]{1,39}$/.test(at) ? ` at ${at}` : "";
    return refusal("deleted", 404, `${path}${version} was deleted${when}; undelete it or write a new version`);
  }
  const warnings = Array.isArray(body?.["warnings"]) ? body["warnings"] : [];
  const isVersioned = warnings.some(
    (text) => typeof text === "string" && text.startsWith("Invalid path for a versioned K/V"),
  );
  if (isVersioned) {
    const step = method === "LIST" ? "LIST wants metadata/" : "data/ stands";
    const message = `nothing at ${path}: this is a KV version 2 engine, where ${step} after the mount's name`;
    return refusal("refused", 404, message, mountDoubt(operation) && "kv2");
  }
  if (saidIn(errors)("no handler for route")) {
    return refusal("refused", 404, `no engine is mounted at ${path}`, mountDoubt(operation) && "none");
  }
  if (!Array.isArray(body?.["errors"]) || errors.length > 0) return undefined;
  return nothingAt(operation, 404, mountDoubt(operation));
}

/** A raw endpoint (`pki/ca/pem` of a mount without an issuer) says so with a 204 that has its content type. */
function nothingAt({ path, query }: Operation, status: number, mount?: MountDoubt): Failure {
  const of = query ? ` (${query.slice(0, 80)})` : "";
  return refusal("missing", status, `nothing at ${path}${of}`, mount);
}

function refusal(kind: VaultErrorKind, status: number, message: string, mount?: MountDoubt): Failure {
  return final(new VaultError(kind, message, { status, mount }));
}
