import { named } from "../shared/quoted.js";
import { member, type Remark, type WrittenClass } from "./class-file.js";
import { TextPositions } from "../shared/text-position.js";

/** The classes of a file, in their order. */
interface FileOfClasses {
  file: string;
  text: string;
  classes: readonly WrittenClass[];
}

/**
 * What to say of each class that is there before: a mistake within a file, of which an API server keeps the last one only; a
 * warning between files, for overlays and clusters may have the same class each. A file that is named twice says nothing.
 */
export function remarksOnRepeated(files: readonly FileOfClasses[]): ReadonlyMap<WrittenClass, Remark> {
  const remarks = new Map<WrittenClass, Remark>();
  const firstOfAll = new Map<string, { file: string; place: string }>();
  for (const { file, text, classes } of files) {
    const positions = new TextPositions(text);
    const firstOfFile = new Map<string, string>();
    for (const written of classes) {
      if (written.name === "") continue;
      const key = [written.namespace ?? [], written.name].flat().map(named).join("/");
      const offset = offsetOfName(written);
      const { line, column } = positions.at(offset);
      const place = `${file}:${line}:${column}`;
      const before = firstOfFile.get(key);
      const elsewhere = firstOfAll.get(key);
      if (before !== undefined) {
        const message = `the class ${key} is there twice, first at ${before}; keep one`;
        remarks.set(written, { level: "mistake", offset, message });
      } else if (elsewhere && elsewhere.file !== file) {
        const message = `the class ${key} is at ${elsewhere.place}, too; applied to one cluster, the later replaces the other`;
        remarks.set(written, { level: "warning", offset, message });
      }
      if (before === undefined) firstOfFile.set(key, place);
      if (!elsewhere) firstOfAll.set(key, { file, place });
    }
  }
  return remarks;
}

function offsetOfName({ root }: WrittenClass): number {
  return member(member(root, "metadata")?.value, "name")?.value.offset ?? root.offset;
}
