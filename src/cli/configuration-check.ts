import { fileKeys } from "../config/configuration-file.js";
import { findingsOfFile } from "../config/file-findings.js";
import { ownFileBounds, readYaml, type YamlEntry, type YamlNode } from "../mount/yaml-tree.js";
import { nearest } from "../shared/spelling.js";
import { member, type Remark } from "./class-file.js";

const settings = new Set(fileKeys().map((key) => key.split(".")[0]!));

/**
 * All there is to say of a configuration file; `undefined` for a file that is none. It has no name of its own, so it is
 * known by its shape: one map without a `kind`, which has `connections` or nothing but settings, be they misspelt. Values of
 * keymount's chart have some of its settings too, and are none.
 */
export function checkConfiguration(text: string): Remark[] | undefined {
  const [document, ...more] = readYaml(text, ownFileBounds);
  if (more.length > 0 || !document?.root || document.mistakes.length > 0) return undefined;
  if (!isConfiguration(document.root)) return undefined;
  return findingsOfFile(text).map(({ text: message, ...finding }) => ({ ...finding, message }));
}

function isConfiguration(root: YamlNode): boolean {
  if (root.kind !== "map" || root.entries.length === 0) return false;
  if (member(root, "kind") || member(root, "apiVersion")) return false;
  if (root.entries.some(isOfConnections)) return true;
  const known = root.entries.filter(({ key }) => settings.has(key));
  const near = root.entries.filter(({ key }) => nearest(key, settings));
  return known.length === root.entries.length || (known.length > 1 && near.length === root.entries.length);
}

/** Other programs have one `connection`, or `collections`; keymount's are a map by name, and each has addresses. */
function isOfConnections({ key, value }: YamlEntry): boolean {
  if (value.kind !== "map") return false;
  return key === "connections" || (isLike(key, "connections") && value.entries.some(hasAddresses));
}

function hasAddresses({ value }: YamlEntry): boolean {
  return value.kind === "map" && value.entries.some(({ key }) => isLike(key, "addresses"));
}

/** It is that, or a slip of it. */
function isLike(key: string, name: string): boolean {
  return nearest(key, [name]) !== undefined;
}
