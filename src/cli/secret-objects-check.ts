import type { ObjectSpec } from "../mount/mount-spec.js";
import type { YamlMap, YamlNode } from "../mount/yaml-tree.js";
import { isNull } from "../mount/yaml-value.js";
import { quoted } from "../shared/quoted.js";
import { nearest } from "../shared/spelling.js";
import { member, type Remark, textOf } from "./class-file.js";
import { isDataKey, isDnsSubdomain } from "../shared/kubernetes-names.js";
import { checkLabels } from "./labels-check.js";
import { ownOfEachPod } from "./own-of-each-pod.js";
import { Pen } from "./pen.js";

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
const accountAnnotation = "kubernetes.io/service-account.name";

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

/** Which files a folder will have shows only when its secret is read. */
function isIn(folder: string, name: string): boolean {
  return folder === "/" || name.startsWith(folder);
}

function checkSecret(
  secret: YamlMap,
  location: string,
  objects: readonly ObjectSpec[],
  names: Set<string>,
  pen: Pen,
): void {
  pen.unknownFields(secret, location, secretFields);
  checkName(secret, location, names, pen);
  checkLabels(secret, `${location}:`, pen);
  const type = checkType(secret, location, pen);
  const data = member(secret, "data")?.value;
  if (!data || isNull(data) || (data.kind === "list" && data.items.length === 0)) {
    pen.mistake(data ?? secret, `${location}: data is missing; list which file goes into which key`);
  } else if (data.kind !== "list") pen.mistake(data, `${location}: data must be a list`);
  else checkData(data.items, type, location, objects, pen);
}

/** A field that the driver needs, without the blanks around it, which the driver does not mind either. */
function needed(map: YamlMap, field: string, location: string, hint: string, pen: Pen) {
  const found = pen.text(map, field, `${location}:`);
  const node = member(map, field)?.value;
  if (found?.text.trim()) return { text: found.text.trim(), node: found.node };
  if (found || !node || isNull(node)) pen.mistake(node ?? map, `${location}: ${field} is missing${hint}`);
  return undefined;
}

function checkName(secret: YamlMap, location: string, names: Set<string>, pen: Pen): void {
  const found = needed(secret, "secretName", location, "", pen);
  if (!found) return;
  const { text: name, node } = found;
  const said = `${location}: secretName ${quoted(name)}`;
  if (!isDnsSubdomain(name)) {
    pen.mistake(node, `${said} is not the name of a Secret (lower-case letters, digits, "-" and ".", at most 253)`);
  }
  if (node.kind === "scalar" && node.text !== name) {
    pen.warning(node, `${said} has blanks around it: the driver writes the Secret, but never removes it`);
  }
  if (names.has(name)) pen.mistake(node, `${said} is there twice; the driver would write one over the other`);
  names.add(name);
}

/** The type, as far as there is one. */
function checkType(secret: YamlMap, location: string, pen: Pen): string {
  const found = needed(secret, "type", location, "; write type: Opaque", pen);
  if (!found) return "";
  const { text: type, node } = found;
  if (type === serviceAccountToken && !namesAccount(secret)) {
    pen.mistake(node, `${location}: a Secret of type ${type} needs the annotation ${accountAnnotation}`);
  }
  if (type === serviceAccountToken || !type.startsWith("kubernetes.io/") || Object.hasOwn(keysOfType, type))
    return type;
  const meant = nearest(type, Object.keys(keysOfType));
  const hint = meant ? `; did you mean ${meant}?` : ", and checks nothing of it";
  pen.warning(node, `${location}: Kubernetes knows no type ${quoted(type)}${hint}`);
  return type;
}

function namesAccount(secret: YamlMap): boolean {
  return Boolean(textOf(member(member(secret, "annotations")?.value, accountAnnotation)?.value));
}

function checkData(
  items: readonly YamlNode[],
  type: string,
  location: string,
  objects: readonly ObjectSpec[],
  pen: Pen,
): void {
  const keys = new Set<string>();
  for (const [index, item] of items.entries()) {
    const here = `${location}.data[${index}]`;
    if (item.kind !== "map") {
      pen.mistake(item, `${here} must be a map (objectName, key)`);
      continue;
    }
    pen.unknownFields(item, here, dataFields);
    checkFile(item, here, objects, pen);
    checkKey(item, type, here, keys, pen);
  }
  const { all = [], any = [] } = keysOfType[type] ?? {};
  const lacking = all.filter((key) => !keys.has(key));
  if (lacking.length > 0) {
    pen.mistake(items[0]!, `${location}: a Secret of type ${type} needs the key ${lacking.join(" and the key ")}`);
  }
  if (any.length > 0 && !any.some((key) => keys.has(key))) {
    pen.mistake(items[0]!, `${location}: a Secret of type ${type} needs the key ${any.join(" or the key ")}`);
  }
}

function checkFile(item: YamlMap, location: string, objects: readonly ObjectSpec[], pen: Pen): void {
  const found = needed(item, "objectName", location, "", pen);
  if (!found) return;
  const { text: name, node } = found;
  if (name.endsWith("/")) {
    return pen.mistake(node, `${location}: objectName ${quoted(name)} is a folder; name one of the files in it`);
  }
  const object = objects.find(({ objectName, keyFiles }) => (keyFiles ? isIn(objectName, name) : objectName === name));
  if (!object) {
    const meant = nearest(
      name,
      objects.map(({ objectName }) => objectName),
    );
    return pen.mistake(
      node,
      `${location}: objectName ${quoted(name)} is no file of objects${meant ? `; did you mean ${quoted(meant)}?` : ""}`,
    );
  }
  if (object.optional === true && !(object.fallback && "text" in object.fallback)) {
    pen.warning(
      node,
      `${location}: ${quoted(name)} is optional: while it is missing, the driver writes none of this Secret's keys`,
    );
  }
  if (object.rolloutOnChange === false) {
    pen.warning(
      node,
      `${location}: ${quoted(name)} has rolloutOnChange: false, so driver 1.6 writes its changes into the Secret up to five minutes late`,
    );
  }
  const why = ownOfEachPod(object);
  if (why) {
    pen.warning(
      node,
      `${location}: ${quoted(name)} ${why}, so each pod has its own; the Secret would hold those of the pod mounted last, and they end with it`,
    );
  }
}

function checkKey(item: YamlMap, type: string, location: string, keys: Set<string>, pen: Pen): void {
  const found = needed(item, "key", location, "; it is the key in the Secret", pen);
  if (!found) return;
  const { text: key, node } = found;
  if (keys.has(key)) pen.warning(node, `${location}: key ${quoted(key)} is there twice; the last one counts`);
  keys.add(key);
  if (!isDataKey(key)) {
    const rule = 'at most 253 letters, digits, "-", "_" and ".", not ".", and not ".." at its start';
    pen.mistake(node, `${location}: key ${quoted(key)} is not a key of a Secret (${rule})`);
  } else if (type === "kubernetes.io/tls" && !tlsKeys.includes(key)) {
    pen.mistake(
      node,
      `${location}: a Secret of type ${type} takes the keys ${tlsKeys.join(" and ")}, not ${quoted(key)}`,
    );
  }
}
