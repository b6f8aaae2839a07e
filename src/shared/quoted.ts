import { escapeUnprintable } from "./shown-text.js";

/** Foreign text for a message: one line, in quotes, at most 64 characters. */
export function quoted(text: string): string {
  return escapeUnprintable(JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text.toWellFormed()));
}

/** Foreign text for a message where a short word is expected: anything longer may be a misplaced secret. */
export function word(text: string): string {
  return /^[\w.+ -]{0,20}$/.test(text) ? quoted(text) : "value";
}

/** The existing names, for the author of a mistyped one: sorted and bounded. */
export function namesThereAre(names: readonly string[], none = "no keys"): string {
  if (names.length === 0) return none;
  const shown = [...names].sort().slice(0, mostNames).map(named).join(", ");
  return names.length > mostNames ? `${shown}, and ${names.length - mostNames} more` : shown;
}

const mostNames = 20;

/** A foreign name for a message: as it is where it is plain, else quoted. */
export function named(name: string): string {
  return /^[\w./-]{1,64}$/.test(name) ? name : quoted(name);
}
