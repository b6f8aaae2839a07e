/**
 * SecretProviderClasses that Kubernetes takes and refuses, each with one thing changed in a class that is right. `check` is
 * held to the table, and the table to the real API server (e2e/cases/class-rules.test.ts).
 */
export interface ClassRule {
  readonly what: string;
  /** As it would be sent to the API server. */
  readonly manifest: Manifest;
  /** Who refuses it: the class itself, the Secret made of it, or the driver before it makes one. */
  readonly refusedBy?: "the class" | "the Secret" | "the driver";
  /** What `check` says: of what is refused a mistake, of the rest a warning. */
  readonly says?: string;
}

export interface SecretObject {
  readonly secretName?: unknown;
  readonly type?: unknown;
  readonly labels?: unknown;
  readonly annotations?: unknown;
  readonly data?: unknown;
  readonly [unknown: string]: unknown;
}

export interface Manifest {
  readonly apiVersion?: unknown;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec: { readonly secretObjects?: readonly SecretObject[]; readonly [field: string]: unknown };
  readonly [unknown: string]: unknown;
}

const files = ["a", "b"];
const objects = files
  .map((name) => `- {objectName: ${name}, secretPath: secret/data/${name}, secretKey: k}`)
  .join("\n");
const spec = { provider: "vault", parameters: { roleName: "web", objects } };
const right: Manifest = {
  apiVersion: "secrets-store.csi.x-k8s.io/v1",
  kind: "SecretProviderClass",
  metadata: { name: "web" },
  spec,
};

type Outcome = Pick<ClassRule, "refusedBy" | "says">;

const refused = (says: string): Outcome => ({ refusedBy: "the class", says });
const noSecret = (says: string): Outcome => ({ refusedBy: "the Secret", says });
const noSync = (says: string): Outcome => ({ refusedBy: "the driver", says });
const taken: Outcome = {};
const doubted = (says: string): Outcome => ({ says });

const ofClass = (what: string, change: object, outcome: Outcome): ClassRule => {
  return { what, manifest: { ...right, ...change }, ...outcome };
};
const ofMetadata = (what: string, change: object, outcome: Outcome) =>
  ofClass(what, { metadata: { ...right.metadata, ...change } }, outcome);
const ofSpec = (what: string, change: object, outcome: Outcome) =>
  ofClass(what, { spec: { ...spec, ...change } }, outcome);
const ofParameters = (what: string, change: object, outcome: Outcome) =>
  ofSpec(what, { parameters: { ...spec.parameters, ...change } }, outcome);

const synced = { secretName: "web", type: "Opaque", data: [{ objectName: "a", key: "a" }] };
const ofSecret = (what: string, change: object, outcome: Outcome) =>
  ofSpec(what, { secretObjects: [{ ...synced, ...change }] }, outcome);
const keyed = (...keys: string[]) => keys.map((key, index) => ({ objectName: files[index], key }));
const ofType = (type: string, keys: string[], outcome: Outcome) =>
  ofSecret(`type ${type} with the keys ${keys.join(", ")}`, { type, data: keyed(...keys) }, outcome);
const ofKey = (key: string, outcome: Outcome) => ofSecret(`the key ${key.slice(0, 20)}`, { data: keyed(key) }, outcome);
const ofLabel = (key: string, value: unknown, outcome: Outcome) =>
  ofSecret(`the label ${key}: ${String(value)}`.slice(0, 60), { labels: { [key]: value } }, outcome);
const ofAnnotation = (key: string, value: unknown, outcome: Outcome) =>
  ofSecret(`the annotation ${key}: ${String(value)}`.slice(0, 60), { annotations: { [key]: value } }, outcome);
const named = (secretName: string, outcome: Outcome) =>
  ofSecret(`secretName "${secretName.slice(0, 20)}" of ${secretName.length}`, { secretName }, outcome);

const long = (length: number) => "x".repeat(length);
const isNotKey = "is not a key of a Secret";
const isNotLabelKey = "is not the key of a label";
const account = "kubernetes.io/service-account.name";

export const classRules: readonly ClassRule[] = [
  ofClass("the class that is right", {}, taken),
  ofClass("the older version", { apiVersion: `${String(right.apiVersion)}alpha1` }, doubted("is deprecated")),
  ofClass("a version that is not there", { apiVersion: "secrets-store.csi.x-k8s.io/v2" }, refused("has no Secret")),
  ofClass("a version of another group", { apiVersion: "v1" }, refused("has no SecretProviderClass")),
  ofClass("spec beside itself", { parameters: {} }, refused("belongs under spec")),
  ofClass("a field that is unknown", { sepc: {} }, refused('"sepc" is not a field; did you mean spec?')),
  ofMetadata("no name", { name: undefined }, refused("metadata.name is missing")),
  ofMetadata("a name of two parts", { name: "web.1" }, taken),
  ofMetadata("a name with capitals", { name: "Web" }, refused('name "Web" is not the name of an object')),
  ofMetadata("a name that is too long", { name: long(254) }, refused("is not the name of an object")),
  ofMetadata("a name that is a number", { name: 7 }, refused("metadata: name must be a string; put it in quotes")),
  ofMetadata("a label", { labels: { "app.kubernetes.io/name": "web" } }, taken),
  ofMetadata("a label's key with a blank", { labels: { "a b": "" } }, refused(isNotLabelKey)),
  ofMetadata("a label that is a boolean", { labels: { a: true } }, refused("must be a string; put it in quotes")),
  ofMetadata("an annotation with any text", { annotations: { a: "ä b\n" } }, taken),
  ofSpec("an unknown field", { provder: "x" }, refused('"provder" is not a field; did you mean provider?')),
  ofSpec("a parameter beside parameters", { roleName: "web" }, refused("belongs under spec.parameters")),
  ofSpec("a provider that is a number", { provider: 1 }, refused("provider must be a string")),
  ofSpec("no secretObjects", { secretObjects: [] }, taken),
  ofSpec("secretObjects that are a map", { secretObjects: {} }, refused("secretObjects must be a list")),
  ofSpec("secretObjects that are a text", { secretObjects: "a" }, refused("secretObjects must be a list")),
  ofSpec("secretObjects of texts", { secretObjects: ["a"] }, refused("must be a map")),
  ofParameters("a parameter that is a number", { onDenied: 1 }, refused("must be a string; put it in quotes")),
  ofParameters("a parameter that is a boolean", { vaultNamespace: true }, refused("must be a string")),
  ofParameters("a parameter that is a list", { objects: [] }, refused("must be a string")),
  ofParameters("a parameter that is empty", { vaultNamespace: "" }, taken),
  ofSecret("a Secret that is right", {}, taken),
  ofSecret("an unknown field of a Secret", { kye: "x" }, refused('"kye" is not a field')),
  ofSecret("no secretName", { secretName: undefined }, noSync("secretName is missing")),
  ofSecret("an empty secretName", { secretName: "" }, noSync("secretName is missing")),
  ofSecret("a secretName that is a number", { secretName: 7 }, refused("secretName must be a string")),
  named("a.b-c.d", taken),
  named(long(253), taken),
  named(long(254), noSecret("is not the name of a Secret")),
  named("Web", noSecret("is not the name of a Secret")),
  named("web_1", noSecret("is not the name of a Secret")),
  named("web-", noSecret("is not the name of a Secret")),
  named("a..b", noSecret("is not the name of a Secret")),
  named("web ", doubted("has blanks around it")),
  ofSecret("no type", { type: undefined }, noSync("type is missing; write type: Opaque")),
  ofSecret("a type that is a number", { type: 1 }, refused("type must be a string")),
  ofSecret("no data", { data: undefined }, noSync("data is missing")),
  ofSecret("no item of data", { data: [] }, noSync("data is missing")),
  ofSecret("data that are a map", { data: { a: "a" } }, refused("data must be a list")),
  ofSecret("data of texts", { data: ["a"] }, refused("must be a map")),
  ofSecret("an unknown field of data", { data: [{ ...keyed("a")[0], path: "a" }] }, refused("is not a field")),
  ofSecret("no objectName", { data: [{ key: "a" }] }, noSync("objectName is missing")),
  ofSecret("an objectName without a file", { data: [{ objectName: "c", key: "a" }] }, noSync("is no file of objects")),
  ofSecret("an objectName with blanks", { data: [{ objectName: " a ", key: "a" }] }, taken),
  ofSecret("no key", { data: [{ objectName: "a" }] }, noSync("key is missing")),
  ofSecret("a key twice", { data: keyed("a", "a") }, doubted("is there twice; the last one counts")),
  ofKey("a_B-1.txt", taken),
  ofKey(".hidden", taken),
  ofKey(" a ", taken),
  ofKey(long(253), taken),
  ofKey(long(254), noSecret(isNotKey)),
  ofKey("a/b", noSecret(isNotKey)),
  ofKey("a b", noSecret(isNotKey)),
  ofKey(".", noSecret(isNotKey)),
  ofKey("..", noSecret(isNotKey)),
  ofKey("..a", noSecret(isNotKey)),
  ofType("kubernetes.io/tls", ["tls.crt", "tls.key"], taken),
  ofType("kubernetes.io/tls", ["tls.crt"], noSecret("needs the key tls.key")),
  ofType("kubernetes.io/tls", ["tls.key"], noSecret("needs the key tls.crt")),
  ofType("kubernetes.io/dockerconfigjson", [".dockerconfigjson"], taken),
  ofType("kubernetes.io/dockerconfigjson", ["config.json"], noSecret("needs the key .dockerconfigjson")),
  ofType("kubernetes.io/dockercfg", [".dockercfg", "more"], taken),
  ofType("kubernetes.io/dockercfg", [".dockerconfigjson"], noSecret("needs the key .dockercfg")),
  ofType("kubernetes.io/basic-auth", ["username"], taken),
  ofType("kubernetes.io/basic-auth", ["password"], taken),
  ofType("kubernetes.io/basic-auth", ["user"], noSecret("needs the key username or the key password")),
  ofType("kubernetes.io/ssh-auth", ["ssh-privatekey", "known_hosts"], taken),
  ofType("kubernetes.io/ssh-auth", ["id_rsa"], noSecret("needs the key ssh-privatekey")),
  ofType("bootstrap.kubernetes.io/token", ["token-id"], taken),
  ofType("kubernetes.io/tsl", ["a"], doubted("knows no type")),
  ofType("shop.example/thing", ["a"], taken),
  ofType("kubernetes.io/service-account-token", ["a"], noSecret(`needs the annotation ${account}`)),
  ofSecret(
    "a service account's token with its annotation",
    { type: "kubernetes.io/service-account-token", annotations: { [account]: "web" } },
    taken,
  ),
  ofLabel("app", "web", taken),
  ofLabel("app", "", taken),
  ofLabel("app.kubernetes.io/name", "A_b.c-1", taken),
  ofLabel("app", long(63), taken),
  ofLabel("app", long(64), noSecret("is not that of a label")),
  ofLabel("app", "-web", noSecret("is not that of a label")),
  ofLabel("app", "a b", noSecret("is not that of a label")),
  ofLabel("app", 1, refused("must be a string; put it in quotes")),
  ofLabel("app", true, refused("must be a string; put it in quotes")),
  ofLabel(long(63), "", taken),
  ofLabel(long(64), "", noSecret(isNotLabelKey)),
  ofLabel("a/b/c", "", noSecret(isNotLabelKey)),
  ofLabel("/a", "", noSecret(isNotLabelKey)),
  ofLabel("a/", "", noSecret(isNotLabelKey)),
  ofLabel("Shop.example/a", "", noSecret(isNotLabelKey)),
  ofAnnotation("note", "any text: ä\n", taken),
  ofAnnotation("Shop.example/a", "", taken),
  ofAnnotation("a b", "", noSecret("is not the key of an annotation")),
  ofAnnotation("note", 1, refused("must be a string; put it in quotes")),
  ofAnnotation("note", long(256 * 1024 - 4), taken),
  ofAnnotation("note", long(256 * 1024 - 3), noSecret("Kubernetes takes 262144")),
  ofSecret("labels that are a list", { labels: [] }, refused("labels must be a map")),
];
