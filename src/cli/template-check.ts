import type { Finding } from "../mount/findings.js";
import type { ObjectSpec, Template, VaultRequest } from "../mount/mount-spec.js";
import { ObjectReader } from "../mount/object-reader.js";
import { quoted } from "../shared/quoted.js";
import { nearest } from "../shared/spelling.js";
import { formOf } from "../render/dotted-key.js";
import type { RenderWorker } from "../render/render-worker.js";
import { member } from "./class-file.js";
import { knownKeys, metadataKeys } from "./known-answers.js";
import { offsetOf } from "../shared/text-position.js";
import { sourceOffset } from "./text-places.js";
import type { WrittenObject } from "./written-object.js";

/**
 * What is wrong with the templates of a class: a text that cannot be parsed, a variable that none of its secrets can give.
 * `text` is the `objects` parameter, in which the findings have their places.
 */
export async function checkTemplates(
  text: string,
  objects: readonly WrittenObject[],
  renderer: Pick<RenderWorker, "look">,
  signal: AbortSignal,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { object, map, index } of objects) {
    const scalar = member(map, "template")?.value;
    if (!object.template || scalar?.kind !== "scalar") continue;
    const say = (level: Finding["level"], line: number, column: number, message: string) => {
      const within = sourceOffset(
        text.slice(scalar.offset, scalar.end),
        scalar.text,
        offsetOf(scalar.text, { line, column }),
      );
      const name = ObjectReader.nameOf(map, index);
      findings.push({
        level,
        parameter: "objects",
        offset: scalar.offset + within,
        text: `${name}: template ${message}`,
      });
    };
    const looked = await renderer.look(object.template.text, signal);
    if ("mistake" in looked) say("error", looked.line, looked.column, looked.mistake);
    else {
      for (const { steps, line, column } of looked.names) {
        const doubt = doubtOf(steps, object, object.template);
        if (doubt) say(doubt.level, line, column, doubt.text);
      }
    }
  }
  return findings;
}

/** Whether a variable can be there, as far as anybody knows without asking Vault. */
function doubtOf(
  steps: readonly string[],
  { request }: ObjectSpec,
  { own, sources }: Template,
): { level: "error" | "warning"; text: string } | undefined {
  const [first = "", second] = steps;
  const source = sources.get(first);
  if (source) return doubtOfKey(source, steps, 1);
  if (!own) {
    const names = [...sources.keys()];
    const meant = nearest(first, names);
    return {
      level: "error",
      text: `has ${quoted(first)}, which is none of the sources (${names.join(", ")})${meant ? `; did you mean ${meant}?` : ""}; a secret of the object's own needs secretPath`,
    };
  }
  if (first === "data") return unknownKey(second, knownKeys(request), "data.") ?? dottedFile(steps, 1);
  return doubtOfKey(request, steps, 0);
}

/** Whether a secret has a key, which is the step `at` an index, or such metadata. */
function doubtOfKey(request: VaultRequest, steps: readonly string[], at: number) {
  const known = knownKeys(request);
  const prefix = steps
    .slice(0, at)
    .map((step) => `${step}.`)
    .join("");
  if (steps[at] === "meta" && !known)
    return noMetadata(request, prefix) ?? unknownMetadata(steps[at + 1], `${prefix}meta.`);
  return unknownKey(steps[at], known, prefix) ?? dottedFile(steps, at);
}

/** A read of KV v2 has `data` after the mount, whatever that is called. */
function noMetadata({ path }: VaultRequest, prefix: string) {
  if (path.split("/").indexOf("data", 1) > 0) return undefined;
  return {
    level: "warning" as const,
    text: `has ${quoted(`${prefix}meta`)}; unless the secret has a key meta, there is none: only KV v2 says so of a secret, and its paths have data/ after the mount`,
  };
}

function unknownMetadata(key: string | undefined, prefix: string) {
  if (key === undefined || metadataKeys.includes(key)) return undefined;
  const meant = nearest(key, metadataKeys);
  return {
    level: "warning" as const,
    text: `has ${quoted(prefix + key)}; unless the secret has a key meta, that is the metadata of KV v2: ${metadataKeys.join(", ")}${meant ? ` (did you mean ${prefix}${meant}?)` : ""}`,
  };
}

/** `{{ tls.crt }}`: keys that are named like a certificate's file, in whose place Liquid reads the key `crt` of a map `tls`. */
function dottedFile(steps: readonly string[], at: number) {
  const [map, inner, ...more] = steps.slice(at);
  const key = `${map}.${inner}`;
  if (!/^([\w-]+\.(crt|pem|csr|crl|p12|pfx|jks)|(tls|ca|client|server)\.key)$/.test(key) || more.length > 0)
    return undefined;
  return {
    level: "warning" as const,
    text: `has ${quoted(steps.join("."))}, which is the key ${inner} of a map ${map}; ${formOf(steps.slice(0, at), key)}`,
  };
}

function unknownKey(key: string | undefined, known: readonly string[] | undefined, prefix: string) {
  if (key === undefined || !known || known.includes(key)) return undefined;
  const meant = nearest(key, known);
  return {
    level: "warning" as const,
    text: `has ${quoted(prefix + key)}; such an answer usually has: ${known.join(", ")}${meant ? ` (did you mean ${prefix}${meant}?)` : ""}`,
  };
}
