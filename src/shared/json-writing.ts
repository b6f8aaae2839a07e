import { type Json, isJsonNumber } from "./json.js";
import type { TextWriter } from "./text-writer.js";

/** In what texts of one value differ; numbers have the digits that Vault sent in each. */
export interface JsonStyle {
  /** With its quotes. */
  writeString(text: string, out: TextWriter): void;
  /** A map's keys, as they are to follow each other. */
  inOrder(keys: string[]): string[];
}

/** Appends a value's JSON text. */
export function writeJson(value: Json, out: TextWriter, style: JsonStyle): void {
  if (value === null || typeof value === "boolean") out.write(String(value));
  else if (typeof value === "string") style.writeString(value, out);
  else if (isJsonNumber(value)) out.write(value.toString());
  else if (Array.isArray(value)) writeEach("[", value, "]", out, (item) => writeJson(item, out, style));
  else {
    writeEach("{", style.inOrder(Object.keys(value)), "}", out, (key) => {
      style.writeString(key, out);
      out.write(":");
      writeJson(value[key] ?? null, out, style);
    });
  }
}

function writeEach<T>(
  open: string,
  items: readonly T[],
  close: string,
  out: TextWriter,
  write: (item: T) => void,
): void {
  out.write(open);
  for (const [index, item] of items.entries()) {
    if (index > 0) out.write(",");
    write(item);
  }
  out.write(close);
}
