import type { YamlMap } from "../mount/yaml-tree.js";
import { quoted } from "../shared/quoted.js";
import { member } from "./class-file.js";
import { isAnnotationKey, isLabelKey, isLabelValue } from "../shared/kubernetes-names.js";
import type { Pen } from "./pen.js";

/** Of all annotations of an object (apimachinery pkg/api/validation/objectmeta.go). */
const mostAnnotationBytes = 256 * 1024;

/** What the API server will say of the labels and annotations of `map`. */
export function checkLabels(map: YamlMap, location: string, pen: Pen): void {
  const keyRule = 'at most 63 letters, digits, "-", "_" and ".", behind a domain and "/" if there is one';
  for (const { key, keyOffset, text, at } of pen.texts(member(map, "labels")?.value, `${location} labels`)) {
    if (!isLabelKey(key)) {
      pen.mistake({ offset: keyOffset }, `${location} labels: ${quoted(key)} is not the key of a label (${keyRule})`);
    }
    if (!isLabelValue(text)) {
      const rule = 'at most 63 letters, digits, "-", "_" and ".", the first and last a letter or digit';
      pen.mistake(at, `${location} labels: the value of ${quoted(key)} is not that of a label (${rule})`);
    }
  }
  let bytes = 0;
  const annotations = member(map, "annotations")?.value;
  for (const { key, keyOffset, text } of pen.texts(annotations, `${location} annotations`)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(text);
    if (!isAnnotationKey(key)) {
      pen.mistake(
        { offset: keyOffset },
        `${location} annotations: ${quoted(key)} is not the key of an annotation (${keyRule})`,
      );
    }
  }
  if (annotations && bytes > mostAnnotationBytes) {
    pen.mistake(
      annotations,
      `${location} annotations are ${bytes} bytes long; Kubernetes takes ${mostAnnotationBytes}`,
    );
  }
}
