import { quoted } from "../shared/quoted.js";

/**
 * What is wrong with a file's path in the volume, or `undefined`. The driver's rules (driver 1.6.0 fileutil/writer.go,
 * atomic_writer.go) and ours: it takes `.`, which deletes the whole volume, and control characters.
 */
export function objectNameMistake(name: string): string | undefined {
  if (name === "") return "is missing; it is the file's path in the volume";
  if (!name.isWellFormed() || /\p{Cc}/u.test(name)) return "holds a control character or a line break";
  if (name.startsWith("/")) return "starts with a slash; the path is relative to the volume";
  if (Buffer.byteLength(name) > 4096) return "is longer than 4096 bytes";
  const steps = name.split("/");
  if (steps.includes("..")) return 'holds a step ".."; the file must stay inside the volume';
  if (steps[0]!.startsWith("..")) return 'starts with "..", which the driver keeps for itself';
  if (steps.includes(".") || steps.includes("")) return 'holds a step "." or an empty one; write the path without it';
  if (steps.some((step) => Buffer.byteLength(step) > 255)) return "has a step longer than 255 bytes";
  return undefined;
}

/**
 * Pairs that cannot both be: the same path twice, or a file where another needs a directory. Indexes into `names`; what
 * ends with a slash is a directory, which others may be in.
 */
export function* clashes(names: readonly string[]): Generator<{ index: number; other: number; text: string }> {
  const first = new Map<string, number>();
  names.forEach((name, index) => {
    if (name !== "" && !first.has(name)) first.set(name, index);
  });
  for (const [index, name] of names.entries()) {
    if (name === "") continue;
    const twin = first.get(name)!;
    if (twin !== index)
      yield { index, other: twin, text: `is also the path of objects[${twin}]; each file needs its own` };
    for (let slash = name.indexOf("/"); slash > 0; slash = name.indexOf("/", slash + 1)) {
      const parent = first.get(name.slice(0, slash));
      if (parent === undefined) continue;
      yield {
        index,
        other: parent,
        text: `lies below ${quoted(names[parent]!)} of objects[${parent}], which is a file`,
      };
      break;
    }
  }
}
