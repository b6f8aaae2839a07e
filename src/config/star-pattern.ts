/**
 * Whether a value is these texts in their order with anything between each two: what a pattern says whose `*`s they are
 * between. Takes time linear in the value for each text.
 */
export function holdsInOrder(value: string, [first = "", ...others]: readonly string[]): boolean {
  const last = others.pop();
  if (last === undefined) return value === first;
  if (value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last)) return false;
  return findsInOrder(value.slice(first.length, value.length - last.length), others);
}

/** The leftmost place for each text leaves the most room for the next, so there is nothing to go back for. */
function findsInOrder(value: string, texts: readonly string[]): boolean {
  let from = 0;
  for (const text of texts) {
    const at = value.indexOf(text, from);
    if (at === -1) return false;
    from = at + text.length;
  }
  return true;
}
