import { kvAnswer } from "../e2e/tenants/fault.js";
import type { Misbehaviour, Tenant } from "../e2e/tenants/misbehaviour.js";
import { objects, samePods } from "../e2e/tenants/objects.js";
import { makeIdentity } from "../dev/testing/certificates.js";

/** Nearly as many keys as an answer may have, and as patterns are tried on. */
const [hugeKeys, wideKeys] = [5_000, 500];

const keys = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`KEY_aaaaaaaaaa_${n}`, `${n}`]));

/** Four Mounts at a time without a pause, each of another class, so that nothing is kept of the one before. */
function bomb(
  name: string,
  secret: () => Record<string, string>,
  objectsOf: (path: string, n: number) => string,
): Misbehaviour {
  const at = ({ kv }: Tenant) => kv("own");
  return {
    name,
    item: "",
    seconds: 10,
    faults: (tenant) => [{ path: at(tenant), how: kvAnswer(secret()) }],
    mounts: { lanes: 4, pauseMs: 0, attempt: samePods((tenant, n) => objectsOf(at(tenant), n)) },
  };
}

const long = () => ({ text: "ab".repeat(200_000), value: "s".repeat(1_024) });
const template = (path: string, text: string) =>
  `- {objectName: f, secretPath: ${path}, template: ${JSON.stringify(text)}}`;

/** Classes of a malicious author that keymount has always withstood. Only the bench has these rows. */
export const heldRows: readonly Misbehaviour[] = [
  bomb("a template that sorts", long, (path, n) =>
    template(path, `${n}{% for i in (1..2000) %}{% assign x = text | split: '' | sort %}{% endfor %}`),
  ),
  bomb("a template that fills its memory", long, (path, n) =>
    template(
      path,
      `${n}{% assign y = data | json | split: '' %}{% for i in (1..40) %}{% assign y = y | concat: y %}{% endfor %}`,
    ),
  ),
  bomb("a hundred templates", long, (path, n) =>
    objects(
      100,
      (m) =>
        `- {objectName: f${m}, secretPath: ${path}, template: "${n} {{ value }} ${m}{% for i in (1..20000) %}{{ i }}{% endfor %}"}`,
    ),
  ),
  bomb("twenty keystores", store, (path, n) =>
    objects(
      20,
      (m) =>
        `- {objectName: f${m}, secretPath: ${path}, format: pkcs12, password: {secretKey: pass}, alias: a${n}-${m}}`,
    ),
  ),
  bomb(
    "aliases of aliases",
    long,
    (path, n) =>
      `- &a0 {objectName: f${n}, secretPath: ${path}}\n${objects(60, (m) => `- &a${m + 1} [${`*a${m}, `.repeat(10)}]`)}`,
  ),
  bomb("brackets within brackets", long, (_, n) => `- {objectName: f${n}, secretPath: ${"[".repeat(60_000)}`),
  bomb(
    "patterns over a wide secret",
    () => keys(wideKeys),
    (path, n) =>
      objects(50, (m) => {
        const patterns = Array.from({ length: 20 }, (_, p) => `"*a*a*a*a*a*b${p}"`).join(", ");
        return `- {objectName: f${n}-${m}/, secretPath: ${path}, keys: [${patterns}]}`;
      }),
  ),
  bomb(
    "a huge secret in every format",
    () => keys(hugeKeys),
    (path, n) =>
      ["json", "env", "docker-env", "properties", "yaml", "envelope"]
        .map((format) => `- {objectName: f${n}-${format}, secretPath: ${path}, format: ${format}}`)
        .join("\n"),
  ),
];

function store(): Record<string, string> {
  const { cert, key } = makeIdentity({ commonName: "hostile" });
  return { "tls.crt": cert, "tls.key": key, pass: "changeit" };
}
