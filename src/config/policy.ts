import { ProviderError } from "../shared/errors.js";
import { hidesSteps } from "../shared/hidden-steps.js";
import { quoted } from "../shared/quoted.js";
import type { Connection, Policy } from "./connection.js";
import { type RulePod, ruleMatches } from "./rule.js";

/** What a Mount wants of a connection, the connection's own settings filled in where the class names none. */
export interface PolicyAsk {
  pod: RulePod;
  vaultNamespace: string;
  authMount: string;
  role: string;
  /** Only where the class names one: the connection's own audiences need no rule. */
  audience?: string | undefined;
  objects: readonly PolicyObject[];
}

export interface PolicyObject {
  objectName: string;
  /** All that it asks of Vault. */
  requests: readonly PolicyRequest[];
}

export interface PolicyRequest {
  method: string;
  /** Path and query as they go to Vault, without `v1/`; not escaped. */
  path: string;
  query: string;
}

export interface Refusal {
  /** What is refused, in words for the class's author. */
  what: string;
  /** The setting of the configuration file that would allow it. */
  setting: string;
}

type Rules = Exclude<keyof Policy, "methods">;

/** Every reason why the operator does not let this pod ask this; none when all of it is allowed. Pure. */
export function policyRefusals(connection: Connection, ask: PolicyAsk): Refusal[] {
  const { policy, setting } = policyFor(connection, ask.pod.namespace);
  const noNamespace = at(setting, refuse("namespaces", `namespace ${quoted(ask.pod.namespace)}`));
  if (!policy) return [noNamespace];
  const admits = (rules: Rules, value: string) => policy[rules].some((rule) => ruleMatches(rule, value, ask.pod));
  const admitsPath = (rules: Rules, value: string) => (value === "" || isPlainName(value)) && admits(rules, value);
  const refusals = [
    !admitsPath("vaultNamespaces", ask.vaultNamespace) &&
      refuse("vaultNamespaces", vaultNamespaceName(ask.vaultNamespace)),
    !admitsPath("authMounts", ask.authMount) && refuse("authMounts", `auth mount ${quoted(ask.authMount)}`),
    !admits("roles", ask.role) && refuse("roles", `role ${quoted(ask.role)}`),
    !admitsAudience(policy, ask) && refuse("audiences", `audience ${quoted(ask.audience ?? "")}`),
  ];
  return [
    ...(admits("namespaces", ask.pod.namespace) ? [] : [noNamespace]),
    ...refusals.filter((refusal) => refusal !== false).map((refusal) => at(setting, refusal)),
    ...ask.objects.flatMap((object) => objectRefusals(connection, object, ask.pod)),
  ];
}

/** Every reason why the operator does not let this pod ask what an object does. */
export function objectRefusals(
  connection: Pick<Connection, "name" | "policy">,
  object: PolicyObject,
  pod: RulePod,
): Refusal[] {
  const { policy, setting } = policyFor(connection, pod.namespace);
  if (!policy) return [at(setting, refuse("namespaces", `namespace ${quoted(pod.namespace)}`))];
  const name = `object ${quoted(object.objectName)}`;
  return object.requests
    .flatMap((request) => requestRefusals(policy, name, request, pod))
    .map((refusal) => at(setting, refusal));
}

function at(policy: string, { what, setting }: Refusal): Refusal {
  return { what, setting: `${policy}.${setting}` };
}

/** One error for all of it, or `undefined` where nothing is refused. */
export function refusedByPolicy(refusals: readonly Refusal[]): ProviderError | undefined {
  if (refusals.length === 0) return undefined;
  const settings = [...new Set(refusals.map(({ setting }) => setting))].join(", ");
  const shown = refusals.slice(0, 20).map(({ what }) => what);
  const more = refusals.length > shown.length ? `; and ${refusals.length - shown.length} more` : "";
  return new ProviderError(
    "permission_denied",
    `the connection's policy does not allow this pod: ${shown.join("; ")}${more} (settings that would allow it: ${settings})`,
  );
}

export function admitsNamespace({ policy }: Connection, namespace: string): boolean {
  return policy.some((one) => isOpenTo(one, namespace));
}

function isOpenTo({ namespaces }: Policy, namespace: string): boolean {
  return namespaces.some((rule) => ruleMatches(rule, namespace, { namespace, serviceAccount: "" }));
}

/** What pods of a namespace are judged by, and where it stands in the configuration file; the only policy judges all pods. */
function policyFor(
  { name, policy: all }: Pick<Connection, "name" | "policy">,
  namespace: string,
): { policy?: Policy; setting: string } {
  const setting = `connections.${name}.policy`;
  const [only, ...others] = all;
  if (only && others.length === 0) return { policy: only, setting };
  const index = all.findIndex((one) => isOpenTo(one, namespace));
  return index < 0 ? { setting } : { policy: all[index]!, setting: `${setting}.${index}` };
}

function refuse(setting: keyof Policy, what: string): Refusal {
  return { what, setting };
}

function vaultNamespaceName(vaultNamespace: string): string {
  return vaultNamespace === "" ? "Vault's root namespace" : `Vault namespace ${quoted(vaultNamespace)}`;
}

/** No pattern reaches the empty audience, which is the API server's own: a token for it opens more than Vault. */
function admitsAudience({ audiences }: Policy, { audience, pod }: PolicyAsk): boolean {
  if (audience === undefined) return true;
  return audiences.some((rule) => (audience === "" ? rule === "" : ruleMatches(rule, audience, pod)));
}

function requestRefusals(policy: Policy, name: string, request: PolicyRequest, pod: RulePod): Refusal[] {
  const { path } = request;
  const method = effectiveMethod(request);
  const refusals: Refusal[] = [];
  if (!policy.methods.includes(method)) refusals.push(refuse("methods", `${name}: method ${quoted(method)}`));
  if (!isPlainPath(path)) {
    return [...refusals, refuse("paths", `${name}: path ${quoted(path)}, which is not written plainly`)];
  }
  // What a LIST asks for is a folder, to Vault's own policies too: `secret/metadata/shop/*` allows the LIST of it.
  const names = method === "LIST" ? [path, `${path}/`] : [path];
  const admitting = policy.paths.filter((rule) => names.some((name) => ruleMatches(rule, name, pod)));
  if (admitting.length === 0) refusals.push(refuse("paths", `${name}: path ${quoted(path)}`));
  const denying = policy.deniedPaths.find((rule) => isDenied(rule, path, admitting, pod));
  if (denying !== undefined) {
    refusals.push(refuse("deniedPaths", `${name}: path ${quoted(path)} (denied as ${quoted(denying)})`));
  }
  return refusals;
}

/**
 * To Vault a GET with `list=true` is a LIST (http/logical.go), and to OpenBao one with `scan=true` lists all below. It
 * reads the first of equal names as Go's ParseBool does; with `list=false` it is a GET after all.
 */
export function effectiveMethod({ method, query }: PolicyRequest): string {
  if (method !== "GET" || query === "") return method;
  const parameters = new URLSearchParams(query);
  const lists = ["list", "scan"].some((name) => /^(1|t|true)$/i.test(parameters.get(name) ?? ""));
  return lists ? "LIST" : method;
}

/** The class's parser refuses all others before; what could become another path on its way passes no rule here either. */
function isPlainPath(path: string): boolean {
  return !/\p{Cc}/u.test(path) && !hidesSteps(path) && !path.split("/").some((step) => /^\.{0,2}$/.test(step));
}

/** Names of namespaces and auth mounts, which go to Vault in a header or in a path of ours, need none of these. */
function isPlainName(name: string): boolean {
  return isPlainPath(name) && !/[\\?#]/.test(name);
}

/** Steps that name no Vault namespace: Vault reserves them. It reserves `root`, too, but that means the root namespace. */
const reserved: ReadonlySet<string> = new Set(["sys", "audit", "auth", "cubbyhole", "identity"]);
/** What follows the mount in a path of KV v2: from there on steps are the secret's own. */
const kvVerbs: ReadonlySet<string> = new Set(["data", "metadata", "delete", "undelete", "destroy", "subkeys"]);

/**
 * A denied rule counts at the path's start, and behind everything that Vault could take for a namespace: it reads
 * `team-a/sys/mounts` as `sys/mounts` of `team-a`. The steps of a secret in KV v2 (`secret/data/app/sys/x`) are no
 * namespaces; whether `secret/auth/x` is one only the operator knows, who says so by an allowing rule that spells
 * the step: `secret/auth/*`.
 */
function isDenied(rule: string, path: string, admitting: readonly string[], pod: RulePod): boolean {
  if (ruleMatches(rule, path, pod) || ruleMatches(rule, `${path}/`, pod)) return true;
  // Matching an end of the path, it would match the whole.
  if (rule.startsWith("*")) return false;
  const steps = path.split("/");
  const [denied = ""] = rule.split("/");
  if (admitting.some((allowing) => allowing.split("/").includes(denied, 1))) return false;
  const start = /^[^*{]*/.exec(rule)![0];
  let behind = 0;
  for (const [index, step] of steps.entries()) {
    if (reserved.has(step) || (index > 0 && kvVerbs.has(step))) return false;
    behind += step.length + 1;
    if (path.startsWith(start, behind) && ruleMatches(rule, path.slice(behind), pod)) return true;
  }
  return false;
}
