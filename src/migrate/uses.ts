import type { Connection, Policy } from "../config/connection.js";
import type { OperatorConfig } from "../config/operator-config.js";
import { effectiveMethod, objectRefusals, type PolicyRequest } from "../config/policy.js";
import { mistakeInRule } from "../config/rule.js";
import { selectConnection } from "../config/select-connection.js";
import { resolveAuth } from "../mount/authenticate-pod.js";
import type { ObjectSpec } from "../mount/mount-spec.js";
import { namedRequestsOf } from "../mount/object-requests.js";
import { listOf } from "../mount/recursive-read.js";
import { ProviderError } from "../shared/errors.js";
import { named } from "../shared/quoted.js";
import type { AnalyzedClass } from "./analyzed-class.js";
import { type Ask, beyondAsked } from "./beyond-asked.js";
import { joinGrants } from "./join-grants.js";

/** What pods of some namespaces ask, in any combination: one entry of a connection's `policy`. */
export type Grant = Omit<Policy, "deniedPaths">;

/** Classes that mean one connection, and what they ask of it. */
export interface Uses {
  classes: readonly AnalyzedClass[];
  /** No two for one namespace. */
  policy: readonly Grant[];
  /** What an entry grants beyond what is asked, for the person who reviews it. */
  beyond: readonly string[];
}

/** By connection's name, as a Mount would choose it. Classes that a Mount would send nowhere are in none. */
export function usesOf(operator: OperatorConfig, classes: readonly AnalyzedClass[]): ReadonlyMap<string, Uses> {
  const chosen = classes.map((one) => ({ one, connection: connectionOf(operator, one) }));
  return new Map(
    operator.connections.map((connection) => {
      const own = chosen.filter((each) => each.connection === connection).map(({ one }) => one);
      const policy = joinGrants(grantsOf(own, connection));
      return [connection.name, { classes: own, policy, beyond: beyondOf(policy, own, connection) }];
    }),
  );
}

function connectionOf(operator: OperatorConfig, { spec, namespace }: AnalyzedClass): Connection | undefined {
  try {
    return selectConnection(operator, spec, namespace);
  } catch (reason) {
    if (reason instanceof ProviderError) return undefined;
    throw reason;
  }
}

/** One for each namespace, sorted. */
function grantsOf(classes: readonly AnalyzedClass[], connection: Connection): Grant[] {
  const namespaces = sorted(classes.map(({ namespace }) => namespace)).filter(isPlain);
  return namespaces.map((namespace) =>
    grantFor(
      namespace,
      classes.filter((one) => one.namespace === namespace),
      connection,
    ),
  );
}

/** Namespaces of one entry may ask for the same in other combinations: the first with more than it asks for tells of it. */
function beyondOf(policy: readonly Grant[], classes: readonly AnalyzedClass[], connection: Connection): string[] {
  const beyondIn = (namespace: string) =>
    beyondAsked(classes.filter((one) => one.namespace === namespace).flatMap((one) => asksOf(one, connection)));
  return policy.flatMap(({ namespaces }, index) => {
    const [most] = namespaces
      .map((name) => ({ name, beyond: beyondIn(name) }))
      .filter(({ beyond }) => beyond.length > 0);
    if (!most) return [];
    const amount = namespaces.length === 1 ? "" : ` and ${namespaces.length - 1} more`;
    return most.beyond.map(
      (what) => `connections.${connection.name}.policy[${index}] (namespace ${named(most.name)}${amount}) ${what}`,
    );
  });
}

function grantFor(namespace: string, classes: readonly AnalyzedClass[], connection: Connection): Grant {
  const auths = classes.map(({ spec }) => resolveAuth({ class: spec }, connection));
  const asks = classes.flatMap((one) => asksOf(one, connection));
  return {
    namespaces: [namespace],
    roles: rules(auths.map(({ role }) => role).filter((role) => role !== "")),
    authMounts: rules(auths.map(({ authMount }) => authMount)).filter((mount) => !mount.startsWith("auth/")),
    vaultNamespaces: rules(auths.map(({ vaultNamespace }) => vaultNamespace)),
    audiences: rules(classes.flatMap(({ spec }) => spec.audience ?? [])),
    methods: sorted(asks.map(({ method }) => method)),
    paths: sorted(asks.map(({ path }) => path)),
  };
}

/** Those that may be granted. */
function asksOf({ spec, namespace }: AnalyzedClass, connection: Connection): Ask[] {
  const { role, authMount, vaultNamespace } = resolveAuth({ class: spec }, connection);
  return spec.objects
    .flatMap(requestedBy)
    .filter((request) => isPlain(request.path) && mayBeGranted(request, namespace, connection))
    .map((request) => ({
      role,
      authMount,
      vaultNamespace,
      method: effectiveMethod(request),
      path: request.below ? `${request.path}/*` : request.path,
    }));
}

interface Requested extends PolicyRequest {
  /** Of all that is below the path, which only Vault knows. */
  below?: true;
}

function requestedBy(object: ObjectSpec): Requested[] {
  const { recursive } = object;
  if (!recursive) return namedRequestsOf(object);
  const reads = { method: "GET", path: recursive.path, query: "", below: true as const };
  return [reads, { ...listOf(recursive), below: true }, ...namedRequestsOf(object).slice(1)];
}

/** Not what is denied unless an allowing rule spells it (`sys/`, `auth/`): that is for the operator to decide, not for this file. */
function mayBeGranted(request: PolicyRequest, namespace: string, { name, policy }: Connection): boolean {
  const { deniedPaths } = policy[0]!;
  const all = { paths: ["*"], methods: [effectiveMethod(request)], namespaces: ["*"], deniedPaths };
  const open = { name, policy: [{ ...policy[0]!, ...all }] };
  return objectRefusals(open, { objectName: "", requests: [request] }, { namespace, serviceAccount: "" }).length === 0;
}

/** Values that a rule can say and that, said by one, mean no more than themselves. */
function rules(values: readonly string[]): string[] {
  return sorted(values.filter(isPlain));
}

function isPlain(value: string): boolean {
  return !/\*|\{\{|^\/|^v1\/|\/$/.test(value) && mistakeInRule(value) === undefined;
}

function sorted(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}
