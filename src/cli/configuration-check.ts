import { fileKeys } from "../config/configuration-file.js";
import { findingsOfFile } from "../config/file-findings.js";
import { ownFileBounds, readYaml, type YamlNode } from "../mount/yaml-tree.js";
import { member, type Remark } from "./class-file.js";

const settings = new Set(fileKeys().map((key) => key.split(".")[0]!));

/**
 * All there is to say of a configuration file; `undefined` for a file that is none. It has no name of its own, so it is
 * known by its shape: one map without a `kind`, which has `connections` or nothing but settings.
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
  return member(root, "connections")?.value.kind === "map" || root.entries.every(({ key }) => settings.has(key));
}
