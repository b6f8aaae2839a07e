import { makesCredential } from "../mount/credential-path.js";
import type { ObjectSpec, VaultRequest } from "../mount/mount-spec.js";
import { requestsOf } from "../mount/object-requests.js";
import type { YamlMap, YamlNode } from "../mount/yaml-tree.js";
import { isNull } from "../mount/yaml-value.js";
import { quoted } from "../shared/quoted.js";
import { nearest } from "../shared/spelling.js";
import { member, type Remark, textOf } from "./class-file.js";

const secretFields = ["secretName", "type", "data", "labels", "annotations"];
const dataFields = ["objectName", "key"];
const tlsKeys = ["tls.crt", "tls.key"];

/** Keys that the API server demands of a Secret: each of `all`, and one of `any` (kubernetes pkg/apis/core/validation). */
const keysOfType: Readonly<Record<string, { all?: readonly string[]; any?: readonly string[] }>> = {
  "kubernetes.io/tls": { all: tlsKeys },
  "kubernetes.io/dockerconfigjson": { all: [".dockerconfigjson"] },
  "kubernetes.io/dockercfg": { all: [".dockercfg"] },
  "kubernetes.io/ssh-auth": { all: ["ssh-privatekey"] },
  "kubernetes.io/basic-auth": { any: ["username", "password"] },
};
const serviceAccountToken = "kubernetes.io/service-account-token";

/** What the driver and the API server will say of `secretObjects` (driver 1.6.0 secretutil/secret.go), and what they will not. */
export function checkSecretObjects(secretObjects: YamlNode, objects: readonly ObjectSpec[]): Remark[] {
  const pen = new Pen();
  if (secretObjects.kind !== "list") pen.mistake(secretObjects, "secretObjects must be a list");
  else {
    const names = new Set<string>();
    for (const [index, secret] of secretObjects.items.entries()) {
      if (secret.kind === "map") checkSecret(secret, `secretObjects[${index}]`, objects, names, pen);
      else pen.mistake(secret, `secretObjects[${index}] must be a map (secretName, type, data)`);
    }
  }
  return pen.remarks;
}

class Pen {
  readonly remarks: Remark[] = [];

  mistake(at: { offset: number }, message: string): void {
    this.remarks.push({ level: "mistake", offset: at.offset, message });
  }

  warning(at: { offset: number }, message: string): void {
    this.remarks.push({ level: "warning", offset: at.offset, message });
  }
}

/** Which files a folder will have shows only when its secret is read. */
function isIn(folder: string, name: string): boolean {
  return folder === "/" || name.startsWith(folder);
}

function checkSecret(
  secret: YamlMap,
  place: string,
  objects: readonly ObjectSpec[],
  names: Set<string>,
  pen: Pen,
): void {
  nameUnknownFields(secret, place, secretFields, pen);
  checkName(secret, place, names, pen);
  const type = member(secret, "type")?.value;
  const data = member(secret, "data")?.value;
  checkType(type ?? secret, textOf(type), place, pen);
  if (!data || isNull(data) || (data.kind === "list" && data.items.length === 0)) {
    pen.mistake(data ?? secret, `${place}: data is missing; list which file goes into which key`);
  } else if (data.kind !== "list") pen.mistake(data, `${place}: data must be a list`);
  else checkData(data.items, textOf(type) ?? "", place, objects, pen);
}

function checkName(secret: YamlMap, place: string, names: Set<string>, pen: Pen): void {
  const node = member(secret, "secretName")?.value;
  const name = textOf(node);
  if (!node || !name) return pen.mistake(node ?? secret, `${place}: secretName is missing`);
  if (!isSubdomain(name)) {
    pen.mistake(
      node,
      `${place}: secretName ${quoted(name)} is no name of a Secret (lower-case letters, digits, "-" and ".", 253 at most)`,
    );
  }
  if (names.has(name)) {
    pen.mistake(node, `${place}: secretName ${quoted(name)} is there twice; the driver would write one over the other`);
  }
  names.add(name);
}

function isSubdomain(name: string): boolean {
  return name.length <= 253 && name.split(".").every((label) => /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(label));
}

function checkType(at: YamlNode, type: string | undefined, place: string, pen: Pen): void {
  if (!type) return pen.mistake(at, `${place}: type is missing; write type: Opaque`);
  if (type === serviceAccountToken) {
    return pen.mistake(
      at,
      `${place}: the API server refuses type ${type} without an annotation that names its account`,
    );
  }
  if (!type.startsWith("kubernetes.io/") || Object.hasOwn(keysOfType, type)) return;
  const meant = nearest(type, Object.keys(keysOfType));
  pen.warning(
    at,
    `${place}: Kubernetes knows no type ${quoted(type)}${meant ? `; did you mean ${meant}?` : ", and checks nothing of it"}`,
  );
}

function checkData(
  items: readonly YamlNode[],
  type: string,
  place: string,
  objects: readonly ObjectSpec[],
  pen: Pen,
): void {
  const keys = new Set<string>();
  for (const [index, item] of items.entries()) {
    const here = `${place}.data[${index}]`;
    if (item.kind !== "map") {
      pen.mistake(item, `${here} must be a map (objectName, key)`);
      continue;
    }
    nameUnknownFields(item, here, dataFields, pen);
    checkFile(item, here, objects, pen);
    checkKey(item, type, here, keys, pen);
  }
  const { all = [], any = [] } = keysOfType[type] ?? {};
  const lacking = all.filter((key) => !keys.has(key));
  if (lacking.length > 0) {
    pen.mistake(items[0]!, `${place}: a Secret of type ${type} needs the key ${lacking.join(" and the key ")}`);
  }
  if (any.length > 0 && !any.some((key) => keys.has(key))) {
    pen.mistake(items[0]!, `${place}: a Secret of type ${type} needs the key ${any.join(" or the key ")}`);
  }
}

function checkFile(item: YamlMap, place: string, objects: readonly ObjectSpec[], pen: Pen): void {
  const node = member(item, "objectName")?.value;
  const name = textOf(node);
  if (!node || !name) return pen.mistake(node ?? item, `${place}: objectName is missing`);
  if (name.endsWith("/")) {
    return pen.mistake(node, `${place}: objectName ${quoted(name)} is a folder; name one of the files in it`);
  }
  const object = objects.find(({ objectName, keyFiles }) => (keyFiles ? isIn(objectName, name) : objectName === name));
  if (!object) {
    const meant = nearest(
      name,
      objects.map(({ objectName }) => objectName),
    );
    return pen.mistake(
      node,
      `${place}: objectName ${quoted(name)} is no file of objects${meant ? `; did you mean ${quoted(meant)}?` : ""}`,
    );
  }
  if (object.optional === true && !(object.fallback && "text" in object.fallback)) {
    pen.warning(
      node,
      `${place}: ${quoted(name)} is optional: while it is missing, the driver writes none of this Secret's keys`,
    );
  }
  const why = requestsOf(object).map(ownOfEachPod).find(Boolean);
  if (why) {
    pen.warning(
      node,
      `${place}: ${quoted(name)} ${why}, so each pod has its own; the Secret would hold those of the pod mounted last, and they end with it`,
    );
  }
}

/** Why an answer is made for one pod and ends with it; `undefined` for what all pods read alike. */
function ownOfEachPod(request: VaultRequest): string | undefined {
  const { method, path } = request;
  const steps = path.split("/");
  if (makesCredential(request)) return "is a lease";
  if (["decrypt", "encrypt", "rewrap", "hmac", "verify"].some((step) => steps.includes(step))) return undefined;
  if (["POST", "PUT", "PATCH"].includes(method)) return `is issued anew (method: ${method})`;
  return undefined;
}

function checkKey(item: YamlMap, type: string, place: string, keys: Set<string>, pen: Pen): void {
  const node = member(item, "key")?.value;
  const key = textOf(node);
  if (!node || !key) return pen.mistake(node ?? item, `${place}: key is missing; it is the key in the Secret`);
  if (keys.has(key)) pen.mistake(node, `${place}: key ${quoted(key)} is there twice; the last would win`);
  keys.add(key);
  if (!/^[-._a-zA-Z0-9]{1,253}$/.test(key)) {
    pen.mistake(node, `${place}: key ${quoted(key)} is no key of a Secret (letters, digits, "-", "_" and ".")`);
  } else if (type === "kubernetes.io/tls" && !tlsKeys.includes(key)) {
    pen.mistake(node, `${place}: a Secret of type ${type} takes the keys ${tlsKeys.join(" and ")}, not ${quoted(key)}`);
  }
}

function nameUnknownFields(map: YamlMap, place: string, known: readonly string[], pen: Pen): void {
  for (const { key, keyOffset } of map.entries) {
    if (known.includes(key)) continue;
    const meant = nearest(key, known);
    pen.mistake(
      { offset: keyOffset },
      `${place}: ${quoted(key)} is not a field${meant ? `; did you mean ${meant}?` : ""}`,
    );
  }
}
