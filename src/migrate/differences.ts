import type { Connection } from "../config/connection.js";
import { overruledParameters, prefixedParameters, prefixes } from "../mount/class-parameters.js";
import type { ObjectSpec } from "../mount/mount-spec.js";
import { objectFields } from "../mount/object-fields.js";
import { objectsBounds } from "../mount/objects.js";
import { requestKey } from "../mount/request-key.js";
import { readYaml } from "../mount/yaml-tree.js";
import { named, quoted } from "../shared/quoted.js";
import { sourceTls, sameTls } from "./chosen-tls.js";
import type { SourceProvider } from "./source-provider.js";
import type { Family, AnalyzedClass } from "./analyzed-class.js";

/** The differences between keymount's and the Go provider's handling of a class, for the person who decides on the switch. */
export function differencesOf(one: AnalyzedClass, connection: Connection, source: SourceProvider): string[] {
  const { objects } = one.spec;
  return [
    ...tlsDifferences(one, connection, source),
    ...newParameters(one, source.family),
    ...newFields(one),
    ...audienceDifference(one, source),
    ...onObjects(objects, ({ secretKey }) => secretKey !== undefined && "pointer" in secretKey, [
      "the secretKey of",
      "starts with / and so is a JSON Pointer (docs/parameters.md); the source provider takes it for a key",
    ]),
    ...onObjects(objects, ({ secretKey }) => secretKey === undefined, [
      "without secretKey the file of",
      "lacks request_id, lease_id, lease_duration and renewable",
    ]),
    ...onObjects(objects, ({ request }) => ["POST", "PUT", "PATCH"].includes(request.method), [
      "what Vault makes for",
      "is kept (docs/migration.md); the source provider creates another at every republish",
    ]),
    ...onObjects(objects, (object) => objects.some((other) => sharesPath(object, other)), [
      "each of",
      "gets its own answer; the source provider gives one answer to all of one path, without regard to their secretArgs",
    ]),
  ];
}

/** What a class says to no effect, before the switch and after it. */
export function notesOf(one: AnalyzedClass, connection: Connection, source: SourceProvider): string[] {
  const { overruled } = one.spec;
  const changes = tlsDifferences(one, connection, source).length > 0;
  const has = `${overruled.map(named).join(", ")} ${overruled.length === 1 ? "has" : "have"} no effect`;
  const setting = `connections.${connection.name}.tls`;
  const why = isHttps(connection) ? `${setting} decides, and says the same` : "the connection has no TLS";
  return [
    ...(overruled.length === 0 || changes ? [] : [`${has}: ${why}`]),
    ...one.ignored.map((text) => `${text} (it never had an effect)`),
  ];
}

function tlsDifferences(one: AnalyzedClass, connection: Connection, source: SourceProvider): string[] {
  const { name, tls } = connection;
  if (!isHttps(connection) || sameTls(sourceTls(source.settings.tls, one), tls)) return [];
  const setting = `connections.${name}.tls`;
  // What verifies is no loss where nothing is verified: that is what other classes said.
  const lost = tlsKeys.filter(
    (key) => one.tls[key] !== undefined && one.tls[key] !== tls[key] && !(tls.skipVerify && verifying.includes(key)),
  );
  if (lost.length === 0) return [`${setting} has what other classes said of TLS`];
  return lost.map((key) => {
    const { write, or } = withoutIt[key];
    const has = tls[write];
    const how = has === undefined ? `write ${setting}.${write}` : `check ${setting}.${write}, which is ${named(has)}`;
    return `${one.tlsParameters[key]} ${named(String(one.tls[key]))} is not used; ${how}, or ${or}`;
  });
}

const untrusted = "TLS fails where a private CA signed Vault's certificate";
const unidentified = "Vault refuses connections where it asks for a client certificate";
/** What to write in the connection's `tls` for what a class says of it, or else. */
const withoutIt = {
  caFile: { write: "caFile", or: untrusted },
  caDirectory: { write: "caDirectory", or: untrusted },
  skipVerify: { write: "caFile", or: untrusted },
  serverName: { write: "serverName", or: "TLS fails where Vault's certificate has another name than its address" },
  certFile: { write: "certFile", or: unidentified },
  keyFile: { write: "keyFile", or: unidentified },
} as const;
type TlsKey = keyof typeof withoutIt;
const tlsKeys = Object.keys(withoutIt) as TlsKey[];
const verifying: readonly TlsKey[] = ["caFile", "caDirectory", "serverName"];

function isHttps({ addresses }: Connection): boolean {
  return addresses.some(({ origin }) => origin.startsWith("https:"));
}

/** Of keymount alone, or of the OpenBao provider alone. */
const ours = ["connection", "refreshInterval", "onDenied", "rolloutOnChange"];
const openbaosOwn = [...prefixedParameters, ...overruledParameters];

/** Parameters that the Go provider did not know, and ignored. */
function newParameters({ parameters }: AnalyzedClass, family: Family): string[] {
  const openbaos = prefixes.flatMap((prefix) =>
    openbaosOwn.filter((suffix) => prefix !== "vault" || suffix === "RoleName").map((suffix) => prefix + suffix),
  );
  const fresh = family === "vault" ? [...ours, ...openbaos] : ours;
  return fresh
    .filter((name) => (parameters.get(name) ?? "") !== "")
    .map((name) => `parameter ${name} takes effect; the source provider ignores it`);
}

/** Where the CSIDriver is known, the report tells for certain. */
function audienceDifference({ spec: { audience } }: AnalyzedClass, source: SourceProvider): string[] {
  if (audience === undefined || audience === source.name || source.driverAudiences) return [];
  return [
    `audience ${quoted(audience)}: the CSIDriver must list it in tokenRequests; where it does not, the source provider asks the API server`,
  ];
}

/** The Go provider's (vault-csi-provider 1.5 config.go). */
const goProviderFields = [
  "objectName",
  "secretPath",
  "secretKey",
  "method",
  "secretArgs",
  "filePermission",
  "encoding",
];
const newerFields: readonly string[] = objectFields.filter((field) => !goProviderFields.includes(field));

function newFields({ parameters }: AnalyzedClass): string[] {
  const root = readYaml(parameters.get("objects") ?? "", objectsBounds)[0]?.root;
  const entries = root?.kind === "list" ? root.items : [];
  return entries.flatMap((entry, index) =>
    (entry.kind === "map" ? entry.entries : [])
      .filter(({ key }) => newerFields.includes(key))
      .map(({ key }) => `objects[${index}]: ${key} takes effect; the source provider ignores it`),
  );
}

/** One sentence for all objects of which something is so. */
function onObjects(
  objects: readonly ObjectSpec[],
  isSo: (object: ObjectSpec) => boolean,
  [before, after]: readonly [string, string],
): string[] {
  const names = objects.filter(isSo).map(({ objectName }) => quoted(objectName));
  return names.length === 0 ? [] : [`${before} ${names.join(", ")} ${after}`];
}

/** One path and method, other arguments. */
function sharesPath({ request: a }: ObjectSpec, { request: b }: ObjectSpec): boolean {
  const same = a.method === b.method && a.path === b.path && a.query === b.query;
  return same && requestKey(a) !== requestKey(b);
}
