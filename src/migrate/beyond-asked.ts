import { namesThereAre } from "../shared/quoted.js";

/** One request of a class, as rules see it, and the login that it is sent with. */
export interface Ask {
  role: string;
  authMount: string;
  vaultNamespace: string;
  method: string;
  path: string;
}

/**
 * What one entry of a policy grants beyond these requests. It allows its lists in any combination, and a namespace has one
 * entry: the first that names it.
 */
export function beyondAsked(asks: readonly Ask[]): string[] {
  return [
    ...writesBeyond(asks),
    ...loginsBeyond(asks, "role", "roles"),
    ...loginsBeyond(asks, "authMount", "auth mounts"),
    ...loginsBeyond(asks, "vaultNamespace", "Vault namespaces"),
  ];
}

const writing = ["DELETE", "PATCH", "POST", "PUT"];

function writesBeyond(asks: readonly Ask[]): string[] {
  return distinct(asks.map(({ method }) => method))
    .filter((method) => writing.includes(method))
    .flatMap((method) => {
      const written = pathsOf(asks.filter((ask) => ask.method === method));
      if (written.length === pathsOf(asks).length) return [];
      return [`allows ${method} on each of its paths; classes ask it of ${namesThereAre(written)} alone`];
    });
}

function loginsBeyond(asks: readonly Ask[], key: "role" | "authMount" | "vaultNamespace", what: string): string[] {
  const values = distinct(asks.map((ask) => ask[key]));
  const all = pathsOf(asks).length;
  if (values.every((value) => pathsOf(asks.filter((ask) => ask[key] === value)).length === all)) return [];
  return [
    `allows each of its paths with each of its ${what} (${namesThereAre(values)}); classes do not ask all of these`,
  ];
}

function pathsOf(asks: readonly Ask[]): string[] {
  return distinct(asks.map(({ path }) => path));
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}
