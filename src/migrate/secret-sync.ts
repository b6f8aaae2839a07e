import { stringify } from "yaml";
import { z } from "zod";
import { makesCredential, reads } from "../mount/credential-path.js";
import { namedRequestsOf } from "../mount/object-requests.js";
import type { YamlNode } from "../mount/yaml-tree.js";
import { jsonOf } from "../mount/yaml-value.js";
import type { Json } from "../shared/json.js";
import { isDataKey, isDnsSubdomain } from "../shared/kubernetes-names.js";
import { named, quoted } from "../shared/quoted.js";
import type { AnalyzedClass } from "./analyzed-class.js";

/** `secretObjects` of all classes, for secrets-store-sync-controller 0.0.4 instead of the driver. */
export interface SecretSyncs {
  /** How many SecretSyncs `text` has. */
  amount: number;
  /** Their YAML documents. */
  text: string;
  /** Secrets that the controller cannot write, by class. */
  refused: readonly RefusedSecret[];
  /** The classes of those written whose requests create credentials: keymount must know the controller's interval for them. */
  credentials: readonly SyncedCredentials[];
}

export interface SyncedCredentials {
  namespace: string;
  name: string;
  /** Names of the objects. */
  objects: readonly string[];
}

export interface RefusedSecret {
  /** Namespace and name of the class. */
  namespace: string;
  name: string;
  /** The Secret's name, or the entry's place where it has none. */
  secret: string;
  reasons: readonly string[];
}

const texts = z.record(z.string(), z.string()).nullish();
const trimmed = z.string().trim().min(1);
/** As the driver reads it, which trims names as well (driver 1.6.0 secretutil/secret.go). */
const secretObject = z.object({
  secretName: trimmed,
  type: trimmed,
  data: z.array(z.object({ objectName: trimmed, key: trimmed })).min(1),
  labels: texts,
  annotations: texts,
});
type SecretObject = z.output<typeof secretObject>;

/** One SecretSync for each Secret, of the same name and namespace; all log in as that service account of their namespace. */
export function secretSyncsOf(classes: readonly AnalyzedClass[], serviceAccount: string): SecretSyncs {
  const refused: RefusedSecret[] = [];
  const documents: string[] = [];
  const credentials: SyncedCredentials[] = [];
  const taken = new Set<string>();
  for (const one of classes) {
    const { namespace, name } = one;
    const before = documents.length;
    for (const [index, written] of entriesOf(one).entries()) {
      const { data: secret, error } = secretObject.safeParse(jsonIn(written));
      const mistakes = error ? [misshapen(error)] : refusals(one, secret, taken);
      if (secret && mistakes.length === 0) {
        taken.add(`${one.namespace}/${secret.secretName}`);
        documents.push(documentOf(one, secret, serviceAccount));
      } else {
        const place = secret?.secretName ?? `secretObjects[${index}]`;
        refused.push({ namespace, name, secret: place, reasons: [...new Set(mistakes)] });
      }
    }
    const objects = credentialsOf(one);
    if (objects.length > 0 && documents.length > before) credentials.push({ namespace, name, objects });
  }
  return { amount: documents.length, text: [head, ...documents].join("---\n"), refused, credentials };
}

const head = `# Written by keymount migrate: a SecretSync for each Secret that the driver writes today.
# The controller may not take over a Secret of another owner: before you apply these, remove secretObjects from the
# classes, and delete the Secrets. The service account needs a role that admits it in Vault (roleName of the class).
`;

function entriesOf({ secretObjects }: AnalyzedClass): readonly YamlNode[] {
  if (!secretObjects) return [];
  return secretObjects.kind === "list" ? secretObjects.items : [secretObjects];
}

/** Anything but JSON (`.inf`) is as misshapen as nothing. */
function jsonIn(node: YamlNode): Json | undefined {
  try {
    return jsonOf(node);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function misshapen({ issues }: z.ZodError): string {
  const places = issues.map(({ path }) => (path.length > 0 ? named(path.join(".")) : "the entry"));
  return `${[...new Set(places)].join(", ")}: missing or not as the driver has it (keymount check says more)`;
}

/** Of the CRD, of the chart's admission policies, and of keymount itself. */
function refusals(one: AnalyzedClass, secret: SecretObject, taken: ReadonlySet<string>): string[] {
  const { secretName, type, data, labels, annotations } = secret;
  return [
    ...(one.mistakes.length > 0 ? ["the class itself would be refused"] : []),
    ...(isDnsSubdomain(one.name) ? [] : [`the class's name ${quoted(one.name)} is not one that Kubernetes allows`]),
    ...(isDnsSubdomain(secretName) ? [] : ["secretName is not the name of a Secret"]),
    ...(taken.has(`${one.namespace}/${secretName}`)
      ? ["another entry of its namespace has the same secretName, and a Secret has one SecretSync"]
      : []),
    ...(type === accountToken ? [`the controller's admission policy denies the type ${type}`] : []),
    ...(type.length > 253 ? ["type is longer than 253 characters"] : []),
    ...data.flatMap(({ objectName, key }) => [
      ...(one.spec.objects.some((object) => object.objectName === objectName && !object.keyFiles)
        ? []
        : [`objectName ${quoted(objectName)} is no file of objects`]),
      ...(isSyncPath(objectName) ? [] : [`objectName ${quoted(objectName)} ${notSynced}`]),
      ...(isDataKey(key) && isSyncPath(key) ? [] : [`key ${quoted(key)} ${notSynced}`]),
    ]),
    ...textRefusals("label", labels, 63),
    ...textRefusals("annotation", annotations, 253),
  ];
}

const accountToken = "kubernetes.io/service-account-token";
const notSynced =
  'is not a name that SecretSync allows: "." and "_" stand between letters or digits, neither as the second character, and there is no "/"';

/** One Mount reads the whole class, also for one Secret. */
function credentialsOf({ spec }: AnalyzedClass): string[] {
  const makers = spec.objects.filter((object) =>
    namedRequestsOf(object).some((request) => !reads(request) || makesCredential(request)),
  );
  return makers.map(({ objectName }) => objectName);
}

function textRefusals(what: string, all: SecretObject["labels"], limit: number): string[] {
  return Object.entries(all ?? {}).flatMap(([key, value]) => {
    if (key.startsWith("secrets-store.sync.x-k8s.io")) return [`${what} ${quoted(key)} is reserved for the controller`];
    const fits = [key, value].every((text) => [...text].length < limit);
    return fits ? [] : [`${what} ${quoted(key)}: key and value must be shorter than ${limit} characters`];
  });
}

/**
 * Whether it is a `sourcePath` or a `targetKey`. The CRD's pattern,
 * `^[A-Za-z0-9.]([-A-Za-z0-9]+([-._a-zA-Z0-9]?[A-Za-z0-9])*)?(\/([0-9]+))*$`, in a form that reads each character once.
 */
export function isSyncPath(text: string): boolean {
  return text.length <= 253 && syncPath.test(text);
}

const syncPath = /^[A-Za-z0-9.](?:[-A-Za-z0-9]+(?:[._][A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)*)?(?:\/[0-9]+)*$/;

function documentOf({ namespace, name }: AnalyzedClass, secret: SecretObject, serviceAccountName: string): string {
  const { secretName, type, data, labels, annotations } = secret;
  // As in the driver, the last of two entries for one key counts; the CRD refuses both.
  const sources = new Map(data.map(({ objectName, key }) => [key, objectName]));
  const document = {
    apiVersion: "secret-sync.x-k8s.io/v1alpha1",
    kind: "SecretSync",
    metadata: { name: secretName, namespace },
    spec: {
      secretProviderClassName: name,
      serviceAccountName,
      secretObject: {
        type,
        data: [...sources].map(([targetKey, sourcePath]) => ({ sourcePath, targetKey })),
        ...(labels && { labels }),
        ...(annotations && { annotations }),
      },
    },
  };
  // kubectl reads YAML 1.1, where a plain `on` is a boolean.
  return stringify(document, { version: "1.1", lineWidth: 0 });
}
