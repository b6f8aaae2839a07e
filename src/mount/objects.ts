import { nearest } from "../shared/spelling.js";
import type { Finding } from "./findings.js";
import type { ObjectSpec, VaultMethod, VaultRequest } from "./mount-spec.js";
import {
  argsOf,
  encodingOf,
  formatOf,
  laterFields,
  methodOf,
  modeOf,
  objectFields,
  fallbackOf,
  optionalOf,
  refreshIntervalOf,
  selectorOf,
  spreadOf,
  versionOf,
} from "./object-fields.js";
import { clashes, objectNameMistake } from "./object-name.js";
import { ObjectReader } from "./object-reader.js";
import { canonicalQuery, readSecretPath } from "./secret-path.js";
import { readYaml, type YamlMap } from "./yaml-tree.js";
import { isNull } from "./yaml-value.js";

const mostObjects = 100;
const bounds = { tokens: 16_000, values: 10_000, depth: 32 };
const mostBytes = 64 << 10;

/** The entries of `objects`; whole and usable only when no finding is an error. */
export interface ObjectsReading {
  objects: readonly ObjectSpec[];
  findings: readonly Finding[];
}

/** Reads the `objects` parameter. `refreshIntervalMs` is for entries that name none. */
export function readObjects(text: string, refreshIntervalMs: number): ObjectsReading {
  const findings: Finding[] = [];
  const entries = entriesOf(text, findings);
  const objects = entries.map(({ map, index }) =>
    readObject(new ObjectReader(map, index, findings), refreshIntervalMs),
  );
  for (const clash of clashes(objects.map(({ objectName }) => objectName))) {
    const { map, index } = entries[clash.index]!;
    new ObjectReader(map, index, findings).error("objectName", clash.text);
  }
  return { objects, findings };
}

/** The maps of the list, with their index as written. */
function entriesOf(text: string, findings: Finding[]): { map: YamlMap; index: number }[] {
  const say = (level: Finding["level"], offset: number, found: string) =>
    void findings.push({ level, parameter: "objects", offset, text: found });
  if (text.length > mostBytes) {
    say("error", 0, `objects is longer than ${mostBytes >> 10} KiB; put it into several classes and volumes`);
    return [];
  }
  const [document, second] = readYaml(text, bounds);
  for (const mistake of document?.mistakes ?? []) {
    const line = text.slice(0, mistake.offset).split("\n").length;
    say("error", mistake.offset, `objects, line ${line}: ${mistake.text}`);
  }
  if (document?.mistakes.length) return [];
  if (second) say("ignored", text.length, "objects: only what stands before the second --- is read");
  const root = document?.root;
  if (!root || isNull(root)) say("error", 0, "objects is missing; list at least one object (- objectName: …)");
  else if (root.kind !== "list") say("error", root.offset, 'objects must be a list; start each entry with "- "');
  else if (root.items.length === 0) say("error", root.offset, "objects is empty; list at least one object");
  else if (root.items.length > mostObjects) {
    say(
      "error",
      root.offset,
      `objects has ${root.items.length} entries, more than ${mostObjects}; use several classes and volumes`,
    );
  } else {
    return root.items.flatMap((item, index) => {
      if (item.kind === "map") return [{ map: item, index }];
      if (isNull(item)) say("ignored", item.offset, `objects[${index}] is an empty entry`);
      else say("error", item.offset, `objects[${index}] must be a map (objectName: …, secretPath: …)`);
      return [];
    });
  }
  return [];
}

function readObject(object: ObjectReader, refreshIntervalMs: number): ObjectSpec {
  nameUnknownFields(object);
  const objectName = objectNameOf(object);
  const secretKey = selectorOf(object);
  const mode = modeOf(object);
  const format = formatOf(object);
  const spread = spreadOf(object);
  const optional = optionalOf(object);
  const fallback = fallbackOf(object);
  return {
    objectName,
    ...(spread && { spread }),
    ...(optional && { optional }),
    ...(fallback && { fallback }),
    request: requestOf(object),
    ...(secretKey && { secretKey }),
    encoding: encodingOf(object, format),
    ...(format && { format }),
    ...(mode !== undefined && { mode }),
    refreshIntervalMs: refreshIntervalOf(object) ?? refreshIntervalMs,
  };
}

function nameUnknownFields(object: ObjectReader): void {
  for (const { key } of object.entry.entries) {
    if (laterFields.some((later) => later === key)) object.error(key, "is not available in this version");
    else if (!objectFields.some((known) => known === key)) {
      const meant = nearest(key, [...objectFields, ...laterFields]);
      object.ignored(key, `is not a field of an object${meant ? `; did you mean ${meant}?` : ""}`);
    }
  }
}

function objectNameOf(object: ObjectReader): string {
  const name = object.text("objectName");
  // A lone slash is the volume itself.
  const mistake = name === "/" ? undefined : objectNameMistake(name.replace(/(?<=[^/])\/$/, ""));
  if (mistake) object.error("objectName", mistake);
  return name;
}

/**
 * `?list=true` on a GET is Vault's other way to write LIST, and `?list=false` would undo one; policy, the answer book and
 * Vault must see one thing.
 */
function requestOf(object: ObjectReader): VaultRequest {
  const written = object.text("secretPath");
  const read = written === "" ? "is missing; it is the path of the secret in Vault" : readSecretPath(written);
  const method = methodOf(object);
  const args = argsOf(object, method);
  if (typeof read === "string") {
    object.error("secretPath", read);
    return { method, path: "", query: "" };
  }
  const lists = method === "GET" && /^(1|t|true)$/i.test(read.query.get("list") ?? "");
  if (method === "GET" || method === "LIST") read.query.delete("list");
  addVersion(object, method, read.query);
  return { method: lists ? "LIST" : method, path: read.path, query: canonicalQuery(read.query), ...(args && { args }) };
}

function addVersion(object: ObjectReader, method: VaultMethod, query: URLSearchParams): void {
  const version = versionOf(object);
  if (version === undefined) return;
  const queried = query.get("version");
  if (method !== "GET") object.error("version", `is for reading (method: GET), not for ${method}`);
  else if (queried !== null && queried !== version)
    object.error("version", "differs from the ?version= in secretPath; write it once");
  else query.set("version", version);
}
