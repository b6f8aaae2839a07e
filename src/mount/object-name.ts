import { quoted } from "../shared/quoted.js";

/** Folders of a file's path, and itself. */
const mostSteps = 32;

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
  if (steps.length > mostSteps) return `has more than ${mostSteps} steps; put the file into fewer folders`;
  if (steps.includes("..")) return 'holds a step ".."; the file must stay inside the volume';
  if (steps[0]!.startsWith("..")) return 'starts with "..", which the driver keeps for itself';
  if (steps.includes(".") || steps.includes("")) return 'holds a step "." or an empty one; write the path without it';
  if (steps.some((step) => Buffer.byteLength(step) > 255)) return "has a step longer than 255 bytes";
  return undefined;
}

/** One step of paths: what is below it, and whose file it is. */
interface Step {
  below?: Map<string, Step>;
  owner?: number;
}

/**
 * Pairs that cannot both be: the same path twice, or a file where another needs a directory. Indexes into `names`; what
 * ends with a slash is a directory, which others may be in. What can be no path at all is passed over. Takes time with
 * the names' lengths.
 */
export function* clashes(names: readonly string[]): Generator<{ index: number; other: number; text: string }> {
  const root: Step = {};
  const steps = names.map((name) => (name.length > 4096 ? [] : name.split("/")));
  for (const [index, name] of names.entries()) {
    if (name !== "" && steps[index]!.length <= mostSteps + 1) claim(root, steps[index]!, index);
    else steps[index] = [];
  }
  for (const index of names.keys()) {
    let here = root;
    for (const [depth, step] of steps[index]!.entries()) {
      here = here.below!.get(step)!;
      const { owner } = here;
      if (owner === undefined || owner === index) continue;
      const isWhole = depth === steps[index]!.length - 1;
      const text = isWhole
        ? `is also the path of objects[${owner}]; each file needs its own`
        : `lies below ${quoted(names[owner]!)} of objects[${owner}], which is a file`;
      yield { index, other: owner, text };
      if (!isWhole) break;
    }
  }
}

/** The first that names a path owns it. */
function claim(root: Step, steps: readonly string[], index: number): void {
  let here = root;
  for (const step of steps) {
    here.below ??= new Map<string, Step>();
    const next: Step = here.below.get(step) ?? {};
    here.below.set(step, next);
    here = next;
  }
  here.owner ??= index;
}
