/** Whether a name is more than itself. */
export function isGlob(name: string): boolean {
  return /[*?]/.test(name);
}

/**
 * Whether a pattern of `*` (anything) and `?` (one character) matches a whole text. Takes at most the product of both
 * lengths in steps, since it remembers only the last star.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let [at, here, star, from] = [0, 0, -1, 0];
  while (here < text.length) {
    if (pattern[at] === "*") [star, from, at] = [at, here, at + 1];
    else if (pattern[at] === "?" || pattern[at] === text[here]) [at, here] = [at + 1, here + 1];
    else if (star < 0) return false;
    else [at, from, here] = [star + 1, from + 1, from + 1];
  }
  while (pattern[at] === "*") at += 1;
  return at === pattern.length;
}
