import { ownFileBounds, readYaml, type YamlNode } from "../mount/yaml-tree.js";
import { jsonOf } from "../mount/yaml-value.js";
import type { Json } from "../shared/json.js";
import { member, textOf } from "./class-file.js";

/** The driver's CSIDriver object among a file's documents, as `kubectl get csidriver -o yaml` prints it; null where it is none. */
export function csiDriverInFile(text: string): Json | undefined {
  const found = readYaml(text, ownFileBounds)
    .map(({ root }) => root)
    .find((root) => root && isDriver(root));
  try {
    return found && jsonOf(found);
  } catch {
    return null; // It holds a number that JSON has not.
  }
}

function isDriver(root: YamlNode): boolean {
  const name = textOf(member(member(root, "metadata")?.value, "name")?.value);
  return textOf(member(root, "kind")?.value) === "CSIDriver" && name === "secrets-store.csi.k8s.io";
}
