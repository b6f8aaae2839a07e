import { named } from "../shared/quoted.js";
import type { Template, VaultRequest } from "./mount-spec.js";
import type { ObjectReader } from "./object-reader.js";
import { requestFields, requestOf } from "./request-fields.js";

const mostSources = 10;

/** Names that mean something to Liquid, or to us, already. */
const takenNames = ["data", "true", "false", "nil", "null", "empty", "blank", "forloop", "tablerowloop"];

/** `template` and its `sources`; a template makes the whole file, so the fields that would shape it are refused. */
export function templateOf(object: ObjectReader): Template | undefined {
  const text = object.text("template");
  if (text === "") {
    if (object.node("template")) object.error("template", "is empty; write what the file shall hold");
    else if (object.node("sources"))
      object.error("sources", "is for an object with a template, which uses them by name");
    return undefined;
  }
  for (const field of ["secretKey", "format", "encoding"]) {
    if (object.node(field))
      object.error(field, "cannot be beside template, which has all keys and makes the whole file");
  }
  if (object.text("objectName").endsWith("/"))
    object.error("template", "makes one file; objectName must not end with a slash");
  const sources = sourcesOf(object);
  return { text, own: sources.size === 0 || object.text("secretPath") !== "", sources };
}

function sourcesOf(object: ObjectReader): Map<string, VaultRequest> {
  const sources = new Map<string, VaultRequest>();
  const node = object.node("sources");
  if (!node) return sources;
  if (node.kind !== "map" || node.entries.some(({ value }) => value.kind !== "map")) {
    object.mustBe("sources", "map", " of maps (name: {secretPath: …})");
    return sources;
  }
  if (node.entries.length > mostSources) object.error("sources", `has more than ${mostSources} entries`);
  for (const { key, value } of node.entries) {
    if (!/^[A-Za-z_]\w{0,63}$/.test(key) || takenNames.includes(key))
      object.error("sources", `has the name ${named(key)}, which a template cannot use; write letters, digits and _`);
    if (value.kind !== "map") continue;
    const source = object.within(value, `sources.${key}`);
    source.nameUnknown(requestFields);
    sources.set(key, requestOf(source));
  }
  return sources;
}
