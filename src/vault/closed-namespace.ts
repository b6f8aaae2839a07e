/** A Vault namespace that serves nothing at the moment. */
export type ClosedNamespace = "sealed" | "locked" | "absent";

/**
 * What OpenBao 2.6 and Vault Enterprise say of a namespace that is sealed or locked, and of one that was deleted or whose
 * parent is sealed (a 404 that must not be taken for a secret that is not there). `undefined`: the namespace is open.
 */
export function closedNamespaceIn(status: number, errors: readonly string[]): ClosedNamespace | undefined {
  // A route that is not there is quoted, and may hold any words.
  const own = errors.map((error) => error.toLowerCase()).filter((error) => !error.startsWith("no handler for route"));
  const says = (words: string) => own.some((error) => error.includes(words));
  if (status === 503 && says("namespace is sealed")) return "sealed";
  if (status === 503 && says("access to this namespace has been locked")) return "locked";
  if (status === 404 && says("namespace not found")) return "absent";
  return undefined;
}

/** Continues "the Vault namespace x". */
export const closedNamespaceTexts: Readonly<Record<ClosedNamespace, string>> = {
  sealed: "is sealed",
  locked: "is locked by an administrator",
  absent: "is not there (deleted, or a parent of it is sealed)",
};
