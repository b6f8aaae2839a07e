import { ownFileBounds, readYaml, type YamlEntry, type YamlMap, type YamlNode } from "../mount/yaml-tree.js";
import { isNull, jsonOf } from "../mount/yaml-value.js";
import { named } from "../shared/quoted.js";
import { nearest } from "../shared/spelling.js";
import { otherProviders } from "./other-providers.js";

/** Something to say of a place in a file. */
export interface Remark {
  level: "mistake" | "warning";
  /** In UTF-16 units from the start of the file. */
  offset: number;
  message: string;
}

/** A SecretProviderClass as it stands in a file. */
export interface WrittenClass {
  /** The whole object. */
  root: YamlMap;
  name: string;
  /** Where `metadata` names one. */
  namespace?: string;
  /** Of its socket; absent is remarked upon. */
  provider?: string;
  /** By name; only those that are strings, as the API server wants them. */
  parameters: ReadonlyMap<string, WrittenParameter>;
  /** Names of those that are not strings, and so already remarked upon. */
  misshapen: ReadonlySet<string>;
  /** Of the key `parameters`, or what stands in its place. */
  parametersOffset: number;
  secretObjects?: YamlNode;
  /** What is to be said of this class; the file's remarks have them, too. */
  remarks: readonly Remark[];
}

export interface WrittenParameter {
  text: string;
  keyOffset: number;
  /** The value's source, with its quotes or block header. */
  offset: number;
  end: number;
}

/** Stands for the kind of a document without one. */
export const noKind = "no-kind";

/** A document of another kind, or a class of another provider. */
export interface Skipped {
  kind: string;
  provider?: string;
  root: YamlNode;
}

export interface ClassFile {
  classes: readonly WrittenClass[];
  skipped: readonly Skipped[];
  remarks: readonly Remark[];
}

const ourKind = "SecretProviderClass";

/** Finds the SecretProviderClasses of a file: several documents, and lists (`kind: List`) of them. */
export function readClassFile(text: string): ClassFile {
  const file: Gathering = { classes: [], skipped: [], remarks: [] };
  const hint = text.includes("{{") ? "; is it a Helm template? Render it first: helm template ." : "";
  for (const { root, mistakes } of readYaml(text, ownFileBounds)) {
    // What follows the first mistake of a document may come of it.
    const [first] = mistakes;
    if (first) {
      const isIndentation = first.cause === "indentation" || first.cause === "tab";
      const message = `the YAML ${first.text}${isIndentation ? "" : hint}`;
      file.remarks.push({ level: "mistake", offset: first.offset, message });
    }
    if (root && mistakes.length === 0 && !isNull(root)) readResource(root, file);
  }
  return file;
}

interface Gathering {
  classes: WrittenClass[];
  skipped: Skipped[];
  remarks: Remark[];
}

/** `inherited` is the kind of what has neither `kind` nor `apiVersion`: a typed list says both for its items. */
function readResource(root: YamlNode, file: Gathering, inherited = noKind): void {
  const bare = !member(root, "kind") && !member(root, "apiVersion");
  const kind = (bare ? inherited : textOf(member(root, "kind")?.value)) ?? noKind;
  const items = member(root, "items")?.value;
  if (kind.endsWith("List") && items?.kind === "list") {
    for (const item of items.items) readResource(item, file, kind.slice(0, -"List".length) || undefined);
  } else if (kind === ourKind && root.kind === "map") {
    const provider = textOf(member(member(root, "spec")?.value, "provider")?.value) ?? "";
    if (otherProviders.has(provider)) file.skipped.push({ kind, provider, root });
    else {
      const written = readWrittenClass(root);
      file.classes.push(written);
      file.remarks.push(...written.remarks);
    }
  } else {
    // An API server does not know such a kind either.
    if (nearest(kind, [ourKind]) && !kind.endsWith("List")) {
      const offset = member(root, "kind")?.value.offset ?? root.offset;
      file.remarks.push({
        level: "mistake",
        offset,
        message: `kind ${named(kind)} is not known; did you mean ${ourKind}?`,
      });
    }
    file.skipped.push({ kind: named(kind), root });
  }
}

function readWrittenClass(root: YamlMap): WrittenClass {
  const remarks: Remark[] = [];
  const say = (offset: number, message: string) => void remarks.push({ level: "mistake", offset, message });
  const spec = member(root, "spec");
  const parameters = member(spec?.value, "parameters");
  const secretObjects = member(spec?.value, "secretObjects")?.value;
  const provider = textOf(member(spec?.value, "provider")?.value);
  const metadata = member(root, "metadata")?.value;
  const namespace = textOf(member(metadata, "namespace")?.value);
  if (!spec) say(root.offset, "spec is missing");
  else if (!provider && !isOther(member(spec.value, "provider")?.value)) {
    say(
      spec.keyOffset,
      "spec.provider is missing; it is the name of the provider's socket, vault unless set otherwise",
    );
  }
  const lower = provider?.toLowerCase() ?? "";
  if (lower !== provider && ["vault", "openbao"].includes(lower)) {
    const { offset } = member(spec?.value, "provider")!.value;
    const message = `spec.provider is the name of a socket, here ${provider}.sock; did you mean ${lower}?`;
    remarks.push({ level: "warning", offset, message });
  }
  if (spec && parameters?.value.kind !== "map") say((parameters ?? spec).keyOffset, "spec.parameters must be a map");
  return {
    root,
    name: textOf(member(metadata, "name")?.value) ?? "",
    ...(namespace && { namespace }),
    ...(provider && { provider }),
    ...parametersOf(parameters, remarks),
    parametersOffset: (parameters ?? spec)?.keyOffset ?? root.offset,
    ...(secretObjects && !isNull(secretObjects) && { secretObjects }),
    remarks,
  };
}

function parametersOf(parameters: YamlEntry | undefined, remarks: Remark[]) {
  const written = new Map<string, WrittenParameter>();
  const misshapen = new Set<string>();
  for (const { key, keyOffset, value } of parameters?.value.kind === "map" ? parameters.value.entries : []) {
    const text = textOf(value);
    if (key === "secretObjects") {
      misshapen.add(key);
      remarks.push({
        level: "mistake",
        offset: keyOffset,
        message: "secretObjects belongs under spec, beside parameters: the driver does not read it here",
      });
    } else if (text !== undefined && value.kind === "scalar") {
      written.set(key, { text, keyOffset, offset: value.offset, end: value.end });
    } else {
      misshapen.add(key);
      const fix = value.kind === "scalar" ? "put it in quotes" : `write "${named(key)}: |" and indent what follows`;
      remarks.push({
        level: "mistake",
        offset: value.offset,
        message: `parameter ${named(key)} must be a string; ${fix}`,
      });
    }
  }
  return { parameters: written, misshapen };
}

/** Whether there is something, and no text: checkResource tells of that. */
function isOther(node: YamlNode | undefined): boolean {
  return node !== undefined && !isNull(node) && textOf(node) === undefined;
}

export function member(node: YamlNode | undefined, key: string): YamlEntry | undefined {
  return node?.kind === "map" ? node.entries.find((entry) => entry.key === key) : undefined;
}

/** The text of what kubectl reads as a string; `undefined` for numbers, booleans and all else. */
export function textOf(node: YamlNode | undefined): string | undefined {
  if (node?.kind !== "scalar") return undefined;
  if (node.plain && node.tag === undefined && olderBoolean.test(node.text)) return undefined;
  return typeof scalarValue(node) === "string" ? node.text : undefined;
}

/** What else is a boolean in YAML 1.1, which kubectl reads. */
const olderBoolean = /^(y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF)$/;

/** `.inf` is a number too. */
function scalarValue(node: YamlNode): unknown {
  try {
    return jsonOf(node);
  } catch {
    return Infinity;
  }
}
