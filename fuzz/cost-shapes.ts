import { makeIdentity } from "../dev/testing/certificates.js";
import type { MountRequest } from "../src/wire/provider.js";
import { wellKnown } from "./attributes.js";
import { tokenOf, tokensKey } from "./service-account-token.js";

/** How much of what: `size` characters in runs of `unit`, `count` of the things that the shape is about. */
export interface Amount {
  size: number;
  count: number;
  unit: string;
}

/** A text of so many characters, of one piece again and again. */
function runOf({ size, unit }: Pick<Amount, "size" | "unit">): string {
  return unit.repeat(Math.ceil(size / unit.length)).slice(0, size);
}

function times<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n));
}

/** So many that all together are no larger than the size. */
const share = ({ size, count }: Amount, least = 1) => Math.max(least, Math.floor(size / count));

const parameters = (more: Record<string, string>): Partial<MountRequest> => ({
  attributes: JSON.stringify({ ...wellKnown, ...more }),
});
const objects = (text: string) => parameters({ objects: text });
const object = (fields: string) => objects(`- {objectName: a, secretPath: kv/app, method: PUT, ${fields}}`);
const args = (value: string) => object(`secretArgs: {v: ${value}}`);
const quotedRun = (amount: Amount) => JSON.stringify(runOf(amount));

/** Input of the authors of classes and of `volumeAttributes`. */
export const classShapes: Record<string, (amount: Amount) => Partial<MountRequest>> = {
  aliases: (amount) =>
    objects(
      `- {objectName: a, secretPath: kv/a, method: PUT, secretArgs: {x: &x ${quotedRun(amount)}, v: [${times(amount.count, () => "*x").join()}]}}`,
    ),
  aliasesOfLists: ({ count }) =>
    args(`[&l0 [x,x], ${times(Math.min(count, 60), (n) => `&l${n + 1} [*l${n},*l${n}]`).join()}]`),
  aliasesInKeys: (amount) =>
    args(`[&x ${quotedRun(amount)}, {${times(amount.count, (n) => `k${n}: *x, ? [*x, ${n}] : y`).join()}}]`),
  merges: ({ count }) =>
    args(`[&m {${times(count, (n) => `k${n}: v`).join()}}, {<<: [${times(count, () => "*m").join()}]}]`),
  aliasesOfNumbers: ({ size, count }) =>
    args(`[&x 0x${"f".repeat(size)}, &y ${"9".repeat(size)}, ${times(count, () => "*x,*y").join()}]`),
  aliasesOfNumbersInKeys: ({ size, count }) =>
    args(`[&x 0x${"f".repeat(size)}, ${times(count, () => "{*x : y}").join()}]`),
  hexadecimal: ({ size }) => args(`0x${"f".repeat(size)}`),
  octal: ({ size }) => object(`filePermission: 0${"7".repeat(size)}`),
  decimal: ({ size }) => args(`[${"9".repeat(size)}, 1e${"9".repeat(size)}, -.${"0".repeat(size)}]`),
  numberKeys: (amount) =>
    args(`{${times(amount.count, (n) => `0x${n.toString(16)}${"f".repeat(share(amount))}: x`).join()}}`),
  versions: ({ size }) => object(`version: ${"9".repeat(size)}`),
  numbers: ({ size }) => args(`[${"1,".repeat(size / 2)}1]`),
  texts: (amount) =>
    args(`[${times(amount.count, () => JSON.stringify(runOf({ ...amount, size: share(amount) }))).join()}]`),
  flowLists: ({ size }) => args("[".repeat(size)),
  flowMaps: ({ size }) => args("{a: ".repeat(size / 4)),
  blockLists: ({ size }) => objects("- ".repeat(size / 2)),
  blockMaps: ({ count }) => objects(times(Math.min(count, 1_000), (n) => `${" ".repeat(n)}a:`).join("\n")),
  questions: ({ size }) => objects("? ".repeat(size / 2)),
  closedLists: ({ count }) => args(`${"[".repeat(count)}${"]".repeat(count)}`),
  tags: (amount) =>
    args(`[${times(amount.count, (n) => `!<${runOf({ ...amount, size: share(amount) })}> ${n}`).join()}]`),
  anchors: ({ count }) => args(`[${times(count, (n) => `&a${n} x`).join()}]`),
  comments: (amount) =>
    objects(`${times(amount.count, () => `#${runOf({ ...amount, size: share(amount) })}`).join("\n")}`),
  documents: ({ count }) => objects("---\n- a\n".repeat(count)),
  directives: ({ count }) => objects(`${"%TAG !x! tag:x,2000:\n".repeat(count)}---\n- a`),
  raw: (amount) => objects(runOf(amount)),
  rawAfterAnObject: (amount) => objects(`- objectName: a\n  secretPath: b${runOf(amount)}`),
  blockText: (amount) => objects(`- objectName: a\n  secretPath: b\n  template: |\n    ${runOf(amount)}`),
  foldedText: (amount) =>
    objects(
      `- objectName: a\n  secretPath: b\n  template: >-\n${times(amount.count, () => `    ${runOf({ ...amount, size: share(amount) })}\n`).join("")}`,
    ),
  unknownParameters: (amount) =>
    parameters(
      Object.fromEntries(
        times(amount.count, (n) => [`${n}${runOf({ ...amount, size: Math.min(64, share(amount)) })}`, "x"]),
      ),
    ),
  nearParameters: ({ count }) =>
    parameters(Object.fromEntries(times(count, (n) => [`vaultKubernetesMountPaht${n}vaultTLSServerNaem`, "x"]))),
  unknownFields: (amount) =>
    object(
      times(
        amount.count,
        (n) => `${JSON.stringify(`${n}${runOf({ ...amount, size: Math.min(64, share(amount)) })}`)}: x`,
      ).join(),
    ),
  nearFields: ({ count }) =>
    objects(times(count, (n) => `- {objectName: a${n}, secretPath: b, secretKye: c, encodign: d}`).join("\n")),
  objects: ({ count }) => objects(times(count, (n) => `- {objectName: a${n}, secretPath: "kv/a?x=${n}"}`).join("\n")),
  sameNames: ({ count }) => objects(times(count, () => `- {objectName: a, secretPath: b}`).join("\n")),
  mistakes: (amount) =>
    objects(times(amount.count, () => `- {objectName: ${quotedRun({ ...amount, size: share(amount) })}}`).join("\n")),
  folders: (amount) =>
    objects(
      times(amount.count, (n) => `- {objectName: ${"a/".repeat(share(amount) / 2)}${n}, secretPath: b}`).join("\n"),
    ),
  nestedFolders: ({ count }) =>
    objects(times(Math.min(count, 1_000), (n) => `- {objectName: ${"a/".repeat(n)}f, secretPath: b}`).join("\n")),
  globs: (amount) =>
    objects(
      `- {objectName: f/, secretPath: kv/app, keys: [${times(amount.count, (n) => JSON.stringify(`${n}${runOf({ unit: "*a", size: share(amount) })}b`)).join()}]}`,
    ),
  renames: (amount) =>
    objects(
      `- {objectName: f/, secretPath: kv/app, rename: {${times(amount.count, (n) => `k${n}: ${quotedRun({ ...amount, size: share(amount) })}`).join()}}}`,
    ),
  sources: ({ count }) =>
    object(`template: x, sources: {${times(count, (n) => `s${n}: {secretPath: kv/s${n}}`).join()}}`),
  queries: (amount) =>
    object(
      `secretPath: ${JSON.stringify(`kv/a?${times(amount.count, (n) => `${n}=${runOf({ ...amount, size: share(amount) })}`).join("&")}`)}`,
    ),
  ...Object.fromEntries(
    [
      "objectName",
      "secretPath",
      "secretKey",
      "method",
      "encoding",
      "format",
      "template",
      "default",
      "refreshInterval",
      "filePermission",
      "alias",
    ].map((field) => [
      `field ${field}`,
      (amount: Amount) => objects(`- {objectName: a, secretPath: b, ${field}: ${quotedRun(amount)}}`),
    ]),
  ),
  ...Object.fromEntries(
    [
      "roleName",
      "audience",
      "connection",
      "refreshInterval",
      "onDenied",
      "vaultAddress",
      "vaultNamespace",
      "vaultAuthMountPath",
      "vaultCACertPath",
      "vaultSkipTLSVerify",
      "secretProviderClass",
      "csi.storage.k8s.io/pod.name",
      tokensKey,
    ].map((name) => [`parameter ${name}`, (amount: Amount) => parameters({ [name]: runOf(amount) })]),
  ),
  attributesRaw: (amount) => ({ attributes: runOf(amount) }),
  attributesNested: ({ size }) => ({ attributes: `${'{"a":'.repeat(size / 5)}` }),
  attributesTwice: ({ count }) => ({ attributes: `{${times(count, () => `"objects":"x"`).join()}}` }),
  secrets: (amount) => ({
    secrets: JSON.stringify(
      Object.fromEntries(times(amount.count, (n) => [`${n}`, runOf({ ...amount, size: share(amount) })])),
    ),
  }),
  permission: (amount) => ({ permission: runOf(amount) }),
  targetPath: (amount) => ({ targetPath: `/var/lib/kubelet/pods/${runOf(amount)}/volumes/kubernetes.io~csi/a/mount` }),
  targetPathRaw: (amount) => ({ targetPath: `/${runOf(amount)}` }),
  currentVersions: ({ count }) => ({ currentObjectVersion: times(count, (n) => ({ id: `${n}`, version: "x" })) }),
  tokens: (amount) =>
    parameters({
      [tokensKey]: JSON.stringify(
        Object.fromEntries(
          times(amount.count, (n) => [
            `${n}`,
            { token: runOf({ ...amount, size: share(amount) }), expirationTimestamp: "2100-01-01T00:00:00Z" },
          ]),
        ),
      ),
    }),
  claims: (amount) =>
    parameters({
      [tokensKey]: JSON.stringify({
        vault: {
          token: tokenOf({ aud: times(amount.count, (n) => `${n}`), sub: runOf(amount) }),
          expirationTimestamp: "2100-01-01T00:00:00Z",
        },
      }),
    }),
};

/** What stands in Vault, or at its place. */
export interface HostileAnswer {
  body: string;
  status?: number;
  /** In answer to the login; else to reads. */
  toLogin?: boolean;
  /** A byte in each chunk. */
  inBytes?: boolean;
}

const secret = (data: unknown): HostileAnswer => ({ body: JSON.stringify({ mount_type: "kv", data }) });
const valueOf = (value: string): HostileAnswer => secret({ A: value, password: "x", registry: "r", username: "u" });
const rawData = (data: string): HostileAnswer => ({ body: `{"data":${data}}` });
/** Not blank at its ends, which any server would trim. */
const errors = (amount: Amount) => ({
  errors: times(amount.count, () => `x${runOf({ ...amount, size: share(amount) })}x`),
});
const begin = "-----BEGIN CERTIFICATE-----";
const identity = makeIdentity({ commonName: "web" });

export const answerShapes: Record<string, (amount: Amount) => HostileAnswer> = {
  value: (amount) => valueOf(runOf(amount)),
  password: (amount) => secret({ A: "x", username: "u", registry: "r", password: runOf(amount) }),
  values: (amount) =>
    secret(Object.fromEntries(times(amount.count, (n) => [`a${n}`, runOf({ ...amount, size: share(amount) })]))),
  names: (amount) =>
    secret(Object.fromEntries(times(amount.count, (n) => [`${runOf({ ...amount, size: share(amount) })}${n}`, "x"]))),
  listing: (amount) =>
    secret({ A: "x", keys: times(amount.count, (n) => `${runOf({ ...amount, size: share(amount) })}${n}`) }),
  longName: (amount) => secret({ [runOf(amount)]: "x", A: "x" }),
  numbers: ({ size }) => rawData(`{"A":[${"1,".repeat(size / 2)}1]}`),
  allowedNumbers: ({ count }) => rawData(`{"A":[${"1,".repeat(Math.min(10_000, count))}1]}`),
  longNumber: ({ size }) => rawData(`{"A":${"9".repeat(size)}}`),
  longExponent: ({ size }) => rawData(`{"A":1e${"9".repeat(size)}}`),
  nested: ({ count }) => rawData(`{"A":${'{"a":'.repeat(Math.min(count, 250))}1${"}".repeat(Math.min(count, 250))}}`),
  deepMembers: ({ count }) => {
    const deep = Math.min(240, count);
    return rawData(`${'{"a":'.repeat(deep)}[${"1,".repeat(9_000)}1]${"}".repeat(deep)}`);
  },
  tooNested: ({ size }) => ({ body: "[".repeat(size) }),
  sameNames: ({ count }) => rawData(`{${times(count, () => `"A":"x","__proto__":{"a":"b"}`).join()}}`),
  indexNames: ({ count }) => secret(Object.fromEntries(times(Math.min(5_000, count), (n) => [`${n * 65_536}`, "x"]))),
  list: (amount) => secret({ A: times(amount.count, () => runOf({ ...amount, size: share(amount) })) }),
  lists: ({ size }) => rawData(`{"A":[${"[],".repeat(size / 3)}[]]}`),
  raw: (amount) => ({ body: runOf(amount) }),
  rawDenied: (amount) => ({ body: runOf(amount), status: 403 }),
  ...Object.fromEntries(
    [400, 403, 404, 405, 412, 429, 500, 503].flatMap((status) => [
      [`errors ${status}`, (amount: Amount) => ({ body: JSON.stringify(errors(amount)), status })],
      [`login errors ${status}`, (amount: Amount) => ({ body: JSON.stringify(errors(amount)), status, toLogin: true })],
    ]),
  ),
  warnings: (amount) => ({ body: JSON.stringify({ data: null, warnings: errors(amount).errors }), status: 404 }),
  login: (amount) => ({
    toLogin: true,
    body: JSON.stringify({
      auth: { client_token: "t", accessor: runOf(amount), lease_duration: 3600, policies: errors(amount).errors },
    }),
  }),
  loginToken: (amount) => ({
    toLogin: true,
    body: JSON.stringify({ auth: { client_token: runOf(amount), lease_duration: 3600 } }),
  }),
  lease: (amount) => ({
    body: JSON.stringify({ lease_id: runOf(amount), lease_duration: 3600, renewable: true, data: { A: "x" } }),
  }),
  engine: (amount) => ({ body: JSON.stringify({ mount_type: runOf(amount), data: { A: "x" } }) }),
  rotation: (amount) => ({
    body: JSON.stringify({ mount_type: "database", data: { last_vault_rotation: runOf(amount), ttl: 1 } }),
  }),
  inBytes: (amount) => ({ ...valueOf(runOf({ ...amount, size: Math.min(amount.size, 1 << 20) })), inBytes: true }),
  pemWithoutEnd: ({ count }) => valueOf(`${begin}\nA`.repeat(count)),
  pemSpaces: ({ size }) =>
    valueOf(
      `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n${" ".repeat(size)}x\n-----END RSA PRIVATE KEY-----`,
    ),
  pemDashes: ({ size }) => valueOf(`${begin}${"A-".repeat(size / 2)}-----END`),
  pemBody: (amount) => valueOf(`${begin}\n${runOf(amount)}\n-----END CERTIFICATE-----`),
  certificates: ({ count }) =>
    secret({ A: identity.cert.repeat(Math.min(count, 2_500)), certificate: identity.cert, private_key: identity.key }),
  chain: ({ count }) =>
    secret({
      A: "x",
      password: "x",
      certificate: identity.cert,
      private_key: identity.key,
      ca_chain: times(Math.min(count, 2_500), () => identity.cert),
    }),
  issued: (amount) => ({
    body: JSON.stringify({
      mount_type: "pki",
      data: { certificate: runOf(amount), private_key: "x", serial_number: "x" },
    }),
  }),
};

/** What objects are made of an answer. */
export const forms: Record<string, string> = {
  envelope: "- {objectName: f, secretPath: kv/a}",
  value: "- {objectName: f, secretPath: kv/a, secretKey: A}",
  pointer: "- {objectName: f, secretPath: kv/a, secretKey: /A/0/a/a/a}",
  base64: "- {objectName: f, secretPath: kv/a, secretKey: A, encoding: base64}",
  hex: "- {objectName: f, secretPath: kv/a, secretKey: A, encoding: hex}",
  ...Object.fromEntries(
    ["json", "env", "docker-env", "kube-env", "properties", "yaml", "dockerconfigjson", "pem-bundle"].map((format) => [
      format,
      `- {objectName: f, secretPath: kv/a, format: ${format}}`,
    ]),
  ),
  pem: "- {objectName: f, secretPath: kv/a, secretKey: A, format: pem-bundle}",
  pkcs12: "- {objectName: f, secretPath: kv/a, format: pkcs12, password: {secretKey: password}}",
  folder: "- {objectName: f/, secretPath: kv/a}",
  recursive: "- {objectName: f/, secretPath: kv/a/, keys: ['*', '*/A']}",
  deepFolder: `- {objectName: ${"a/".repeat(1_000)}, secretPath: kv/a}`,
  globs: `- {objectName: f/, secretPath: kv/a, keys: [${times(19, (n) => `"*${"a".repeat(240)}b${n}"`).join()}, "*a*"]}`,
  manyStars: `- {objectName: f/, secretPath: kv/a, keys: ["${"*a".repeat(100)}b", "*"]}`,
  template: "- {objectName: f, secretPath: kv/a, template: x}",
  sources: `- {objectName: f, template: x, sources: {${times(10, (n) => `s${n}: {secretPath: kv/s${n}}`).join()}}}`,
  hundred: times(100, (n) => `- {objectName: f${n}, secretPath: "kv/a?x=${n}"}`).join("\n"),
  hundredOfOne: times(100, (n) => `- {objectName: f${n}, secretPath: kv/a, format: json}`).join("\n"),
};
