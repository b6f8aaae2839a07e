import type { YamlNode } from "../mount/yaml-tree.js";
import { named } from "../shared/quoted.js";
import { member, type Skipped, textOf, type WrittenClass } from "./class-file.js";

/** A workload whose pods Reloader replaces when the version of an object changes. */
export interface RolledWorkload {
  /** `Deployment web`, for messages. */
  name: string;
  namespace?: string;
  /** Names of the classes whose objects count. */
  classes: ReadonlySet<string>;
}

const driver = "secrets-store.csi.k8s.io";
const reload = "secretproviderclass.reloader.stakater.com/reload";
const autos = ["reloader.stakater.com/auto", "secretproviderclass.reloader.stakater.com/auto"];
const search = "reloader.stakater.com/search";
const exclude = "secretproviderclasses.exclude.reloader.stakater.com/reload";

/**
 * Reads a workload as Reloader does (1.4.13 and newer, pkg/common/common.go ShouldReload), apart from patterns in its
 * lists; `undefined` for what Reloader does not roll for a class, and for what is no workload.
 */
export function rolledWorkload({ kind, root }: Skipped): RolledWorkload | undefined {
  const metadata = member(root, "metadata")?.value;
  const template = member(member(root, "spec")?.value, "template")?.value;
  const own = member(metadata, "annotations")?.value;
  const decides = [reload, search, ...autos].some((name) => member(own, name));
  const annotations = decides ? own : member(member(template, "metadata")?.value, "annotations")?.value;
  const text = (name: string) => textOf(member(annotations, name)?.value) ?? "";
  const listed = (name: string) =>
    text(name)
      .split(",")
      .map((entry) => entry.trim());
  const isAuto = autos.some((name) => text(name) === "true");
  const all = [...listed(reload), ...(isAuto ? mountedClasses(member(template, "spec")?.value) : [])];
  const excluded = listed(exclude);
  const classes = new Set(all.filter((name) => name !== "" && !excluded.includes(name)));
  if (classes.size === 0) return undefined;
  const namespace = textOf(member(metadata, "namespace")?.value);
  const name = `${kind} ${named(textOf(member(metadata, "name")?.value) ?? "")}`;
  return { name, classes, ...(namespace && { namespace }) };
}

/** Whether it is rolled for the class; a namespace that a file leaves out may be any. */
export function isRolledFor({ classes, namespace }: RolledWorkload, one: WrittenClass): boolean {
  const elsewhere = namespace !== undefined && one.namespace !== undefined && namespace !== one.namespace;
  return classes.has(one.name) && !elsewhere;
}

function mountedClasses(podSpec: YamlNode | undefined): string[] {
  const volumes = member(podSpec, "volumes")?.value;
  if (volumes?.kind !== "list") return [];
  return volumes.items.flatMap((volume) => {
    const csi = member(volume, "csi")?.value;
    if (textOf(member(csi, "driver")?.value) !== driver) return [];
    return [textOf(member(member(csi, "volumeAttributes")?.value, "secretProviderClass")?.value) ?? ""];
  });
}
