import { Redacted } from "../shared/redacted.js";
import { textBytes } from "../shared/text-bytes.js";

/** Heap bytes of each, without its contents. */
const bytesOf = { string: 32, list: 32, element: 8, map: 128, entry: 64, object: 64, field: 16 };

/**
 * What a parsed thing keeps of the heap, nearly, and not less: its texts, lists, maps and plain objects. What it holds
 * twice counts twice.
 */
export function retainedBytes(value: unknown): number {
  if (typeof value === "string") return bytesOf.string + textBytes(value);
  if (typeof value !== "object" || value === null) return 0;
  if (value instanceof Redacted) return bytesOf.object + retainedBytes(value.reveal());
  if (Array.isArray(value)) return sum(value, (item) => bytesOf.element + retainedBytes(item), bytesOf.list);
  if (value instanceof Map) {
    const entry = ([key, held]: [unknown, unknown]) => bytesOf.entry + retainedBytes(key) + retainedBytes(held);
    return sum([...(value as Map<unknown, unknown>)], entry, bytesOf.map);
  }
  return sum(Object.values(value), (held: unknown) => bytesOf.field + retainedBytes(held), bytesOf.object);
}

function sum<T>(items: readonly T[], bytes: (item: T) => number, first: number): number {
  return items.reduce((total, item) => total + bytes(item), first);
}
