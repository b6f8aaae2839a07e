import type { Connection } from "../config/connection.js";
import type { SurveyedClass } from "./surveyed-class.js";

/** A connection of the operator's file that is to be written, with what the classes ask of it today and nothing more. */
export interface PlannedConnection {
  name: string;
  /** An origin that keymount will dial. */
  address: string;
  classes: readonly SurveyedClass[];
  vaultNamespace: string;
  authMount: string;
  tls: Connection["tls"] | undefined;
  policy: {
    namespaces: string[];
    authMounts: string[];
    roles: string[];
    vaultNamespaces: string[];
    audiences: string[];
    methods?: string[];
    paths: string[];
  };
}

export interface Plan {
  provider: string;
  keySecret: string;
  default: string;
  connections: readonly PlannedConnection[];
  /** Every audience that the kubelet must make tokens for. */
  audiences: readonly string[];
}

export interface Former {
  /** The connection its flags and variables described; without, it was told of no Vault. */
  connection?: Connection;
  keySecret?: string;
}

const usualMethods = ["GET", "LIST", "POST", "PUT"];

/**
 * What the operator's file must say for these classes. The default connection is the former provider's, else that of
 * most classes; `undefined` when there is neither.
 */
export function planFor(classes: readonly SurveyedClass[], provider: string, former: Former): Plan | undefined {
  const usual = former.connection?.addresses[0]?.origin ?? mostNamed(classes);
  if (usual === undefined) return undefined;
  const origins = sorted([usual, ...classes.flatMap(({ origin }) => origin ?? [])]);
  const names = nameOrigins(origins);
  const connections = origins.map((origin): PlannedConnection => {
    const own = classes.filter((one) => (one.origin ?? usual) === origin);
    const vaultNamespace = former.connection?.vaultNamespace ?? "";
    const authMount = former.connection?.authMount ?? "kubernetes";
    const tls = origin === usual ? former.connection?.tls : undefined;
    const policy = policyFor(own, { vaultNamespace, authMount });
    return { name: names.get(origin)!, address: origin, classes: own, vaultNamespace, authMount, tls, policy };
  });
  return {
    provider,
    keySecret: former.keySecret ?? `${provider}-csi-provider-hmac-key`,
    default: names.get(usual)!,
    connections,
    audiences: sorted([provider, ...classes.flatMap(({ spec }) => spec.audience ?? [])]),
  };
}

function policyFor(classes: readonly SurveyedClass[], usual: { vaultNamespace: string; authMount: string }) {
  const requests = classes.flatMap(({ spec }) => spec.objects.map(({ request }) => request));
  const methods = sorted(requests.map(({ method }) => method));
  return {
    namespaces: sorted(classes.map(({ namespace }) => namespace)),
    authMounts: sorted([usual.authMount, ...classes.flatMap(({ spec }) => spec.authMount ?? [])]),
    roles: sorted(classes.map(({ spec }) => spec.roleName)),
    vaultNamespaces: sorted([usual.vaultNamespace, ...classes.flatMap(({ spec }) => spec.vaultNamespace ?? [])]),
    audiences: sorted(classes.flatMap(({ spec }) => spec.audience ?? [])),
    ...(methods.some((method) => !usualMethods.includes(method)) && { methods: sorted([...usualMethods, ...methods]) }),
    paths: sorted(requests.map(({ path }) => `${path.split("/")[0]}/*`).filter((rule) => !/^(sys|auth)\//.test(rule))),
  };
}

function mostNamed(classes: readonly SurveyedClass[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { origin } of classes) if (origin) counts.set(origin, (counts.get(origin) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0];
}

/** Host names, as far as they tell connections apart. */
function nameOrigins(origins: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const origin of origins) {
    const host = origin.replace(/^[a-z]+:\/\//, "");
    const short = host.split(/[.:/]/).filter(Boolean)[0] ?? "";
    const long = host
      .replace(/[^A-Za-z0-9]+/g, "-")
      .replace(/^-|-$/g, "")
      .slice(0, 60);
    const plain = /^[A-Za-z][A-Za-z0-9-]*$/.test(short) ? short : long;
    const taken = [...names.values()];
    names.set(origin, taken.includes(plain) ? freeName(long, taken) : plain);
  }
  return names;
}

function freeName(wanted: string, taken: readonly string[]): string {
  if (!taken.includes(wanted)) return wanted;
  for (let count = 2; ; count++) if (!taken.includes(`${wanted}-${count}`)) return `${wanted}-${count}`;
}

const sorted = (texts: readonly string[]) => [...new Set(texts)].sort();
