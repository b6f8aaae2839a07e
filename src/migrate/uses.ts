import type { Connection } from "../config/connection.js";
import type { OperatorConfig } from "../config/operator-config.js";
import { mistakeInRule } from "../config/rule.js";
import { selectConnection } from "../config/select-connection.js";
import { requestsOf } from "../mount/object-requests.js";
import { resolveAuth } from "../mount/authenticate-pod.js";
import { ProviderError } from "../shared/errors.js";
import type { AnalyzedClass } from "./analyzed-class.js";

/** Classes that mean one connection, and the policy that grants what they ask and nothing more. */
export interface Uses {
  classes: readonly AnalyzedClass[];
  policy: {
    namespaces: string[];
    roles: string[];
    authMounts: string[];
    vaultNamespaces: string[];
    audiences: string[];
    /** Only where the default does not do. */
    methods?: string[];
    paths: string[];
  };
}

/** By connection's name, as a Mount would choose it. Classes that a Mount would send nowhere are in none. */
export function usesOf(operator: OperatorConfig, classes: readonly AnalyzedClass[]): ReadonlyMap<string, Uses> {
  const chosen = classes.map((one) => ({ one, connection: connectionOf(operator, one) }));
  return new Map(
    operator.connections.map((connection) => {
      const own = chosen.filter((each) => each.connection === connection).map(({ one }) => one);
      return [connection.name, { classes: own, policy: policyFor(own, connection) }];
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

function policyFor(classes: readonly AnalyzedClass[], connection: Connection): Uses["policy"] {
  const auths = classes.map(({ spec }) => resolveAuth({ class: spec }, connection));
  const requests = classes.flatMap(({ spec }) => spec.objects.flatMap(requestsOf));
  const { methods: usual } = connection.policy;
  const methods = sorted([...usual, ...requests.map(({ method }) => method)]);
  return {
    namespaces: rules(classes.map(({ namespace }) => namespace)),
    roles: rules(auths.map(({ role }) => role).filter((role) => role !== "")),
    authMounts: rules(auths.map(({ authMount }) => authMount)).filter((mount) => !mount.startsWith("auth/")),
    vaultNamespaces: rules(auths.map(({ vaultNamespace }) => vaultNamespace)),
    audiences: rules(classes.flatMap(({ spec }) => spec.audience ?? [])),
    ...(methods.length > usual.length && { methods }),
    paths: rules(requests.map(({ path }) => pathRule(path))).filter((rule) => !/^(|sys\/.*|auth\/.*)$/.test(rule)),
  };
}

/** All of the mount, or what is most likely one: where it ends, only Vault knows. */
function pathRule(path: string): string {
  const [mount = "", ...rest] = path.split("/");
  return rest.length === 0 ? mount : `${mount}/*`;
}

/** Values that a rule can say and that, said by one, mean no more than themselves. */
function rules(values: readonly string[]): string[] {
  return sorted(values.filter(isPlain));
}

function isPlain(value: string): boolean {
  const literal = value.replace(/\/\*$/, "");
  return !/\*|\{\{|^\/|^v1\/|\/$/.test(literal) && mistakeInRule(literal) === undefined;
}

function sorted(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}
