/** A mark of byte order stays, so that places in the text are those in the file. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of a file. Throws Node's error for what is not UTF-8 (`fileFault`). */
export function textOf(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}
