/** What a text's characters take of the heap: V8 gives each one byte as long as all are of Latin-1, else two. */
export function textBytes(text: string): number {
  return /[^\u0000-\u00ff]/.test(text) ? 2 * text.length : text.length;
}
