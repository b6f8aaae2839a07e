import { parseDuration } from "../shared/duration.js";
import { named, word } from "../shared/quoted.js";
import { Redacted } from "../shared/redacted.js";
import { isGlob } from "./glob.js";
import {
  type Encoding,
  type Format,
  encodings,
  formats,
  type KeySelector,
  type ObjectSpec,
  type KeyFiles,
} from "./mount-spec.js";
import { jsonFormOf } from "./raw-path.js";
import { objectNameMistake } from "./object-name.js";
import type { ObjectReader } from "./object-reader.js";
import { integerOf } from "./yaml-value.js";

/** Every field an entry of `objects` may have. `docs/parameters.md` explains each. */
export const objectFields = [
  "objectName",
  "secretPath",
  "secretKey",
  "version",
  "method",
  "secretArgs",
  "filePermission",
  "encoding",
  "format",
  "keys",
  "rename",
  "optional",
  "default",
  "template",
  "sources",
  "password",
  "alias",
  "encryption",
  "refreshInterval",
  "rolloutOnChange",
  "lifetime",
] as const;

/** Bytes of a key, or of a JSON Pointer. */
const longestKey = 1_024;
const mostPointerSteps = 64;

export function selectorOf(object: ObjectReader): KeySelector | undefined {
  const written = object.text("secretKey");
  if (written === "") return undefined;
  if (Buffer.byteLength(written) > longestKey) {
    object.error("secretKey", `is longer than ${longestKey} bytes`);
    return { key: "" };
  }
  if (!written.startsWith("/")) return { key: written };
  if (/~(?![01])/.test(written)) {
    object.error("secretKey", 'is a JSON Pointer with a "~" in it; write "~0" for "~" and "~1" for "/"');
  }
  const steps = written.slice(1).split("/");
  if (steps.length > mostPointerSteps)
    object.error("secretKey", `is a JSON Pointer of more than ${mostPointerSteps} steps`);
  return { pointer: steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~")) };
}

export function encodingOf(object: ObjectReader, format: Format | undefined): Encoding {
  const written = object.text("encoding");
  if (written === "") return "utf-8";
  if (format !== undefined && format !== "raw") {
    object.ignored("encoding", `means nothing with format: ${format}`);
    return "utf-8";
  }
  if (!object.has("secretKey") && !object.text("objectName").endsWith("/")) {
    if (written.toLowerCase() !== "utf-8")
      object.ignored("encoding", "means nothing without secretKey, which says what to decode");
    return "utf-8";
  }
  const encoding = encodings.find((known) => known === written.toLowerCase());
  if (!encoding) object.error("encoding", `${word(written)} is not known; write one of ${encodings.join(", ")}`);
  return encoding ?? "utf-8";
}

export function formatOf(object: ObjectReader): Format | undefined {
  const written = object.text("format");
  if (written === "") return undefined;
  const format = formats.find((known) => known === written);
  if (!format) object.error("format", `${word(written)} is not known; write one of ${formats.join(", ")}`);
  const whole = !object.has("secretKey") && !object.text("objectName").endsWith("/");
  if (format === "raw" && whole && !jsonFormOf(object.text("secretPath")))
    object.error(
      "format",
      "raw writes one value as it is; say which with secretKey, or write format: json for all of them",
    );
  if (format === "envelope" && object.has("secretKey"))
    object.error("format", "envelope is the whole answer; leave out secretKey, or write format: json for that value");
  return format;
}

export function optionalOf(object: ObjectReader): true | undefined {
  return truthOf(object, "optional") ? true : undefined;
}

/** `undefined` where the object says nothing of it. */
export function rolloutOnChangeOf(object: ObjectReader): boolean | undefined {
  return truthOf(object, "rolloutOnChange");
}

function truthOf(object: ObjectReader, field: string): boolean | undefined {
  const truth = readTruth(object.text(field));
  if (typeof truth === "string") object.error(field, truth);
  return typeof truth === "string" ? undefined : truth;
}

/**
 * Go's YAML takes these for a truth; so do we, and quotes around them. `undefined` for "", or what is wrong with it.
 */
export function readTruth(written: string): boolean | undefined | string {
  if (written === "") return undefined;
  return ["true", "false"].includes(written)
    ? written === "true"
    : `${word(written)} is not known; write true or false`;
}

/** Nothing of a text may be quoted: it may be a password that development shares. */
export function fallbackOf(object: ObjectReader): ObjectSpec["fallback"] {
  const node = object.node("default");
  if (!node) return undefined;
  if (object.text("objectName").endsWith("/")) {
    object.error("default", "is for one file; write optional: true where objectName ends with a slash");
    return undefined;
  }
  if (node.kind === "scalar") return { text: new Redacted(node.text) };
  const [only, ...others] = node.kind === "map" ? node.entries : [];
  if (only?.key !== "key" || others.length > 0 || only.value.kind !== "scalar" || only.value.text === "") {
    object.error("default", "must be a text, or a map with one key of the same secret: {key: name}");
    return undefined;
  }
  if (!object.has("secretKey")) object.error("default", "with a key is for an object with secretKey");
  return { key: only.value.text };
}

const mostPatterns = 1_000;
const mostGlobs = 20;

/** What `objectName: folder/` asks for; `keys` and `rename` mean nothing to an object that is one file. */
export function keyFilesOf(object: ObjectReader): KeyFiles | undefined {
  if (!object.text("objectName").endsWith("/")) {
    for (const field of ["keys", "rename"]) {
      if (object.node(field))
        object.error(field, "is for an objectName that ends with a slash, which makes a file of every key");
    }
    return undefined;
  }
  if (object.text("format") !== "" && object.text("format") !== "raw")
    object.error("format", "is for one file; leave it out where objectName ends with a slash");
  return { keys: patternsOf(object), rename: renamesOf(object) };
}

function patternsOf(object: ObjectReader): string[] {
  const node = object.node("keys");
  if (!node) return [];
  const items = node.kind === "list" ? node.items : [node];
  const patterns = items.flatMap((item) => (item.kind === "scalar" && item.text !== "" ? [item.text] : []));
  if (patterns.length !== items.length || patterns.length === 0)
    object.mustBe("keys", "list", " of names, or of patterns with * and ?");
  if (patterns.length > mostPatterns || patterns.some((pattern) => pattern.length > 256))
    object.error("keys", `holds more than ${mostPatterns} names, or one longer than 256 characters`);
  if (patterns.filter(isGlob).length > mostGlobs)
    object.error("keys", `holds more than ${mostGlobs} patterns with * or ?`);
  return patterns;
}

function renamesOf(object: ObjectReader): Map<string, string> {
  const node = object.node("rename");
  const renames = new Map<string, string>();
  if (!node) return renames;
  if (node.kind !== "map" || node.entries.some(({ value }) => value.kind !== "scalar")) {
    object.mustBe("rename", "map", " (key: file name)");
    return renames;
  }
  for (const { key, value } of node.entries) {
    const name = value.kind === "scalar" ? value.text : "";
    const mistake = objectNameMistake(name);
    if (mistake) object.error("rename", `of ${named(key)}: the file name ${mistake}`);
    renames.set(key, name);
  }
  if (new Set(renames.values()).size < renames.size) object.error("rename", "gives two keys one file name");
  return renames;
}

/** Numbers as Go's yaml.v3 reads them (0644 is octal, 420 decimal); 0 is unset. Go refuses text; we take "0644", which can mean one thing only. */
export function modeOf(object: ObjectReader): number | undefined {
  const scalar = object.scalar("filePermission");
  if (!scalar) return undefined;
  const inQuotes = /^0o?[0-7]{1,9}$/.test(scalar.text) ? BigInt(`0o${scalar.text.replace("o", "")}`) : undefined;
  const mode = integerOf(scalar) ?? inQuotes;
  if (mode === undefined) {
    object.error("filePermission", `${word(scalar.text)} is not a file mode; write it in octal without quotes: 0644`);
  } else if (mode < 0n || mode > 0o777n) {
    const meant = /^[0-7]{3}$/.test(scalar.text) ? ` (did you mean 0${scalar.text}?)` : "";
    object.error("filePermission", `${word(scalar.text)} is not within 0000 and 0777${meant}`);
  } else if (/^[1-7][0-7]{2}$/.test(scalar.text)) {
    object.warning(
      "filePermission",
      `${scalar.text} is decimal and means 0${mode.toString(8)}; write 0${scalar.text} if that is meant`,
    );
  } else if (mode !== 0n && (mode & 0o004n) === 0n) warnOfReaders(mode, object);
  return mode === undefined || mode === 0n ? undefined : Number(mode);
}

/** The driver writes files as root:root, and offers the kubelet no way to apply a pod's `fsGroup` (VOLUME_MOUNT_GROUP). */
function warnOfReaders(mode: bigint, object: ObjectReader): void {
  const readers = (mode & 0o040n) === 0n ? "root" : "root and the group 0";
  object.warning(
    "filePermission",
    `0${mode.toString(8).padStart(3, "0")} lets only ${readers} read the file, which belongs to root whatever the pod's fsGroup; write 0444 for a pod that runs as another user`,
  );
}

/** Milliseconds; `undefined` where its author wrote none. */
export function durationOf(object: ObjectReader, field: "refreshInterval" | "lifetime"): number | undefined {
  const duration = readDuration(object.text(field));
  if (typeof duration !== "string") return duration;
  object.error(field, duration);
  return undefined;
}

/** Milliseconds, `undefined` for "", or what is wrong with it. */
export function readDuration(written: string): number | undefined | string {
  if (written === "") return undefined;
  const ms = parseDuration(written);
  if (ms === undefined) {
    const how = /^[\d.]+\s+(ms|s|m|h)$/.test(written)
      ? `without the space: ${written.replace(/\s+/, "")}`
      : "like 30s, 10m or 1h30m";
    return `${word(written)} is not a duration; write it ${how}`;
  }
  if (ms < 1_000 || ms > longestMs) return `${word(written)} is not within 1s and 8760h`;
  return ms;
}

const longestMs = 8_760 * 3_600_000;
