import { isProviderName } from "../config/configuration-file.js";
import { plainParameters, prefixedParameters, prefixes } from "../mount/class-parameters.js";
import type { YamlMap } from "../mount/yaml-tree.js";
import { quoted } from "../shared/quoted.js";
import { member, type Remark } from "./class-file.js";
import { isDnsLabel, isDnsSubdomain } from "../shared/kubernetes-names.js";
import { checkLabels } from "./labels-check.js";
import { Pen } from "./pen.js";

const version = "secrets-store.csi.x-k8s.io/v1";
const resourceFields = ["apiVersion", "kind", "metadata", "spec", "status"];
const specFields = ["provider", "parameters", "secretObjects"];
const parameters = [
  ...plainParameters,
  ...prefixedParameters.flatMap((name) => prefixes.map((prefix) => prefix + name)),
];
const belongsElsewhere = Object.fromEntries([
  ...specFields.map((field) => [field, "spec"]),
  ...parameters.map((name) => [name, "spec.parameters"]),
]) as Record<string, string>;

/**
 * What the API server will say of the object around a class's parameters: its version, names, labels, and, as kubectl asks
 * it to, of fields that the driver's CRD does not have (driver 1.6.0 config/crd).
 */
export function checkResource(root: YamlMap): Remark[] {
  const pen = new Pen();
  // The items of a typed list take both from their list.
  if (member(root, "kind") || member(root, "apiVersion")) checkVersion(root, pen);
  pen.unknownFields(root, "the class", resourceFields, belongsElsewhere);
  checkMetadata(root, pen);
  const spec = member(root, "spec")?.value;
  if (spec?.kind !== "map") return pen.remarks;
  pen.unknownFields(spec, "spec", specFields, belongsElsewhere);
  const provider = pen.text(spec, "provider", "spec:");
  if (provider?.text && !isProviderName(provider.text)) {
    const found = `spec: provider ${quoted(provider.text)} is not the name of a provider`;
    pen.mistake(provider.node, `${found} (at most 30 letters, digits, "-" and "_")`);
  }
  return pen.remarks;
}

function checkVersion(root: YamlMap, pen: Pen): void {
  const found = pen.text(root, "apiVersion", "the class:");
  if (!found) {
    if (!member(root, "apiVersion")) pen.mistake(root, `apiVersion is missing; write apiVersion: ${version}`);
  } else if (found.text === `${version}alpha1`) {
    pen.warning(found.node, `apiVersion ${found.text} is deprecated; write ${version}`);
  } else if (found.text !== version) {
    pen.mistake(found.node, `apiVersion ${quoted(found.text)} has no SecretProviderClass; write ${version}`);
  }
}

function checkMetadata(root: YamlMap, pen: Pen): void {
  const metadata = member(root, "metadata")?.value;
  if (metadata?.kind !== "map") {
    return pen.mistake(metadata ?? root, "metadata.name is missing; pods name the class by it");
  }
  const name = pen.text(metadata, "name", "metadata:");
  const namespace = pen.text(metadata, "namespace", "metadata:");
  const given = member(metadata, "name")?.value;
  if (!name?.text && (!given || name) && !member(metadata, "generateName")) {
    pen.mistake(given ?? metadata, "metadata.name is missing; pods name the class by it");
  }
  if (name?.text && !isDnsSubdomain(name.text)) {
    const rule = 'lower-case letters, digits, "-" and ".", at most 253';
    pen.mistake(name.node, `metadata: name ${quoted(name.text)} is not the name of an object (${rule})`);
  }
  if (namespace?.text && !isDnsLabel(namespace.text)) {
    const rule = 'lower-case letters, digits and "-", at most 63';
    pen.mistake(namespace.node, `metadata: namespace ${quoted(namespace.text)} is not that of a namespace (${rule})`);
  }
  checkLabels(metadata, "metadata:", pen);
}
