import type { Finding } from "../mount/findings.js";
import { namesThereAre } from "../shared/quoted.js";
import { member, type WrittenClass } from "./class-file.js";
import { ownOfEachPod } from "./own-of-each-pod.js";
import { isRolledFor, type RolledWorkload } from "./rolled-workload.js";
import type { WrittenObject } from "./written-object.js";

/**
 * One warning for a class whose credentials have a workload of the checked files rolled again and again. None where the
 * class says something of `rolloutOnChange`, or where Secrets are made of it, which follow the versions.
 */
export function checkRollouts(
  written: WrittenClass,
  objects: readonly WrittenObject[],
  workloads: readonly RolledWorkload[],
): Finding[] {
  const rolled = workloads.filter((workload) => isRolledFor(workload, written));
  if (rolled.length === 0 || written.secretObjects || written.parameters.has("rolloutOnChange")) return [];
  const own = objects.filter(({ object, map }) => !member(map, "rolloutOnChange") && ownOfEachPod(object));
  const [first] = own;
  if (!first) return [];
  const names = namesThereAre(own.map(({ object }) => object.objectName));
  const more = rolled.length > 1 ? ` and ${rolled.length - 1} more` : "";
  const text = `objects: ${names}: made for each pod, so Reloader rolls ${rolled[0]!.name}${more} whenever one pod's is replaced; write rolloutOnChange: false if the application reads its files again, else true`;
  return [{ level: "warning", parameter: "objects", offset: first.map.offset, text }];
}
