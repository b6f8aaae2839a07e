import type { Data } from "./answer.js";

/** The fields of `target` with those of `patch` over them, as JSON Merge Patch has it (RFC 7396): null takes one away. */
export function mergePatch(target: Data, patch: Data): Data {
  const merged = new Map(Object.entries(target));
  for (const [name, value] of Object.entries(patch)) {
    const own = merged.get(name);
    if (value === null) merged.delete(name);
    else merged.set(name, isRecord(value) ? mergePatch(isRecord(own) ? own : {}, value) : value);
  }
  return Object.fromEntries(merged);
}

/** Unlike a list or a number that keeps its digits. */
export function isRecord(value: unknown): value is Data {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
