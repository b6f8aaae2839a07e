import type { ObjectSpec } from "../mount/mount-spec.js";
import type { YamlMap } from "../mount/yaml-tree.js";

/** An entry of `objects`: what was read of it, and how it stands in the list. */
export interface WrittenObject {
  object: ObjectSpec;
  map: YamlMap;
  index: number;
}
