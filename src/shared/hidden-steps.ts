/**
 * Whether a decoded path hides steps from those who judge it: a server or proxy that decodes twice, or takes a backslash
 * for a slash, would see another path.
 */
export function hidesSteps(path: string): boolean {
  if (/%(2e|2f|5c|3f|23|0)/i.test(path)) return true;
  return path.includes("\\") && path.split(/[/\\]/).some((step) => step === "." || step === "..");
}
