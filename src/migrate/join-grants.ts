import type { Grant } from "./uses.js";

/**
 * The same grants with fewer entries: those of namespaces that ask the same become one, and so do those that differ only in the
 * namespace's own name, which becomes `{{namespace}}`. An entry names its namespaces, so it grants no other pod anything.
 */
export function joinGrants(grants: readonly Grant[]): Grant[] {
  const byName = joined(grants, (grant) => withPlaceholder(grant, grant.namespaces[0]!));
  return joined(byName, (grant) => grant);
}

/** Those of several namespaces in the form they share, the others as they are. */
function joined(grants: readonly Grant[], formOf: (grant: Grant) => Grant): Grant[] {
  const groups = new Map<string, Grant[]>();
  for (const grant of grants) {
    const { namespaces: _, ...form } = formOf(grant);
    const key = JSON.stringify(form);
    groups.set(key, [...(groups.get(key) ?? []), grant]);
  }
  return [...groups.values()].map((group) =>
    group.length === 1
      ? group[0]!
      : { ...formOf(group[0]!), namespaces: group.flatMap(({ namespaces }) => namespaces) },
  );
}

function withPlaceholder(grant: Grant, namespace: string): Grant {
  const rules = (list: readonly string[]) => list.map((rule) => replaced(rule, namespace)).sort();
  const { namespaces, roles, authMounts, vaultNamespaces, audiences, methods, paths } = grant;
  return {
    namespaces,
    roles: rules(roles),
    authMounts: rules(authMounts),
    vaultNamespaces: rules(vaultNamespaces),
    audiences: rules(audiences),
    methods,
    paths: rules(paths),
  };
}

/** Where the namespace stands as a word of its own. */
function replaced(rule: string, namespace: string): string {
  const parts = rule.split(namespace);
  return parts.reduce((before, after) => {
    const alone = !/[A-Za-z0-9]$/.test(before) && !/^[A-Za-z0-9]/.test(after);
    return `${before}${alone ? "{{namespace}}" : namespace}${after}`;
  });
}
