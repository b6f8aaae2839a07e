/** A time as Vault prints it: RFC 3339, without zeros at the end of its fraction. */
export function goTime(ms: number): string {
  const [seconds, fraction = ""] = new Date(ms).toISOString().slice(0, -1).split(".");
  const digits = fraction.replace(/0{1,3}$/, "");
  return `${seconds}${digits && `.${digits}`}Z`;
}

export const toSeconds = (ms: number) => Math.floor(ms / 1_000);
