/** A time as Vault prints it: RFC 3339, without zeros at the end of its fraction. */
export function goTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.?0*Z$/, "Z");
}

export const toSeconds = (ms: number) => Math.floor(ms / 1_000);
