import { positionOf } from "../shared/text-position.js";
import { type Finding, Findings } from "./findings.js";
import { keystoreOf } from "./keystore-fields.js";
import type { ObjectSpec } from "./mount-spec.js";
import {
  durationOf,
  encodingOf,
  fallbackOf,
  formatOf,
  modeOf,
  objectFields,
  optionalOf,
  rolloutOnChangeOf,
  selectorOf,
  keyFilesOf,
} from "./object-fields.js";
import { clashes, objectNameMistake } from "./object-name.js";
import { ObjectReader } from "./object-reader.js";
import { mostRequests, requestsOf } from "./object-requests.js";
import { listOf, recursiveReadOf } from "./recursive-read.js";
import { requestOf } from "./request-fields.js";
import { argsBytes, requestKey } from "./request-key.js";
import { templateOf } from "./template-fields.js";
import { readYaml, type YamlMap } from "./yaml-tree.js";
import { isNull } from "./yaml-value.js";

const mostObjects = 100;
/** What of YAML is read of `objects`. */
export const objectsBounds = { tokens: 16_000, values: 10_000, characters: 256 << 10, depth: 32, documents: 2 };
const mostBytes = 64 << 10;
/** Of the arguments of all requests, which are kept beside their answers. */
const mostArgsBytes = 256 << 10;

/** The entries of `objects`; whole and usable only when no finding is an error. */
export interface ObjectsReading {
  objects: readonly ObjectSpec[];
  findings: readonly Finding[];
}

/** What a class says for all of its objects. */
interface ClassDefaults {
  refreshIntervalMs?: number | undefined;
  rolloutOnChange?: boolean | undefined;
}

/**
 * Reads the `objects` parameter; what is found goes to `findings`. Entries that do not say otherwise are as their class
 * says (`ofClass`), and where that is silent, as `refreshIntervalMs` does.
 */
export function readObjects(
  text: string,
  refreshIntervalMs: number,
  findings = new Findings(),
  ofClass: ClassDefaults = {},
): ObjectsReading {
  const entries = objectEntries(text, findings);
  const readers = entries.map(({ map, index }) => new ObjectReader(map, ObjectReader.nameOf(map, index), findings));
  const objects = readers.map((reader) => readObject(reader, refreshIntervalMs, ofClass));
  for (const clash of clashes(objects.map(({ objectName }) => objectName)))
    readers[clash.index]!.error("objectName", clash.text);
  const say = (text: string) => findings.push({ level: "error", parameter: "objects", offset: 0, text });
  const requests = new Map(objects.flatMap(requestsOf).map((request) => [requestKey(request), request]));
  if (requests.size > mostRequests)
    say(`objects asks Vault for ${requests.size} things, more than ${mostRequests}; use several classes and volumes`);
  const bytes = [...requests.values()].reduce((sum, request) => sum + argsBytes(request), 0);
  if (bytes > mostArgsBytes)
    say(
      `secretArgs of all objects are ${bytes} bytes as JSON, more than ${mostArgsBytes}; use several classes and volumes`,
    );
  return { objects, findings: findings.list };
}

/** The maps of the list, one for each object that is read, with their index as written. */
export function objectEntries(text: string, findings = new Findings()): { map: YamlMap; index: number }[] {
  const say = (level: Finding["level"], offset: number, found: string) =>
    void findings.push({ level, parameter: "objects", offset, text: found });
  if (Buffer.byteLength(text) > mostBytes) {
    say("error", 0, `objects is longer than ${mostBytes >> 10} KiB; put it into several classes and volumes`);
    return [];
  }
  const [document, second] = readYaml(text, objectsBounds);
  for (const mistake of document?.mistakes ?? []) {
    const { line, column } = positionOf(text, mistake.offset);
    const toColumn = mistake.cause === "indentation" || mistake.cause === "template";
    say("error", mistake.offset, `objects, line ${line}${toColumn ? `, column ${column}` : ""}: ${mistake.text}`);
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

function readObject(
  object: ObjectReader,
  refreshIntervalMs: number,
  { refreshIntervalMs: classIntervalMs, rolloutOnChange = true }: ClassDefaults,
): ObjectSpec {
  object.nameUnknown(objectFields);
  const objectName = objectNameOf(object);
  const template = templateOf(object);
  const secretKey = selectorOf(object);
  const mode = modeOf(object);
  const format = formatOf(object);
  const keyFiles = keyFilesOf(object);
  const optional = optionalOf(object);
  const fallback = fallbackOf(object);
  const asked = template && !template.own ? [...template.sources.values()][0]! : requestOf(object);
  const recursive = template ? undefined : recursiveReadOf(object, asked);
  const request = recursive ? listOf(recursive) : asked;
  const keystore = keystoreOf(object, format, request);
  const intervalMs = durationOf(object, "refreshInterval") ?? classIntervalMs;
  const lifetimeMs = durationOf(object, "lifetime");
  return {
    objectName,
    ...(keyFiles && { keyFiles }),
    ...(recursive && { recursive }),
    ...(optional && { optional }),
    ...(fallback && { fallback }),
    request,
    ...(secretKey && { secretKey }),
    encoding: encodingOf(object, format),
    ...(format && { format }),
    ...(template && { template }),
    ...(keystore && { keystore }),
    ...(mode !== undefined && { mode }),
    ...(!(rolloutOnChangeOf(object) ?? rolloutOnChange) && { rolloutOnChange: false }),
    refreshIntervalMs: intervalMs ?? refreshIntervalMs,
    ...(intervalMs !== undefined && { issuedIntervalMs: intervalMs }),
    ...(lifetimeMs !== undefined && { lifetimeMs }),
  };
}

function objectNameOf(object: ObjectReader): string {
  const name = object.text("objectName");
  // A lone slash is the volume itself.
  const mistake =
    name === "/" ? undefined : objectNameMistake(name.endsWith("/") && !name.endsWith("//") ? name.slice(0, -1) : name);
  if (mistake) object.error("objectName", mistake);
  return name;
}
