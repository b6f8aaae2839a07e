/** How a secret could come out: plain, as JSON once or twice over, escaped for a URL, in hex, or within base64. */
export function spellingsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  const json = JSON.stringify(value).slice(1, -1);
  const base64 = [0, 1, 2].map((offset) => within(bytes, offset, "base64"));
  const base64url = [0, 1, 2].map((offset) => within(bytes, offset, "base64url"));
  const texts = [value, json, JSON.stringify(json).slice(1, -1), encodeURIComponent(value)];
  const hex = bytes.toString("hex");
  return [...new Set([...texts, hex, hex.toUpperCase(), ...base64, ...base64url])];
}

/** The characters that do not depend on what stands before and after, when the value begins at this offset of three. */
function within(bytes: Buffer, offset: number, encoding: "base64" | "base64url"): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString(encoding);
  return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
}
