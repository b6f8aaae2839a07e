import { type Json, isJsonNumber, isJsonObject } from "./json.js";

/** Whether both are equal, whatever the order of keys; numbers by their digits. Takes time linear in the smaller one. */
export function isSameJson(one: Json, other: Json): boolean {
  const pairs: (readonly [Json, Json | undefined])[] = [[one, other]];
  for (let pair = pairs.pop(); pair; pair = pairs.pop()) {
    const [a, b] = pair;
    if (a === b) continue;
    if (isJsonNumber(a)) {
      if (!isJsonNumber(b) || a.toString() !== b.toString()) return false;
    } else if (Array.isArray(a)) {
      if (!Array.isArray(b) || a.length !== b.length) return false;
      for (const [index, item] of a.entries()) pairs.push([item, b[index]]);
    } else if (isJsonObject(a)) {
      if (!isJsonObject(b) || Object.keys(a).length !== Object.keys(b).length) return false;
      for (const [key, value] of Object.entries(a)) pairs.push([value, Object.hasOwn(b, key) ? b[key] : undefined]);
    } else return false;
  }
  return true;
}
