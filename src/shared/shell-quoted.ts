/** A text as one word of a POSIX shell, in single quotes, where nothing but their end has a meaning (POSIX.1, 2.2.2). */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
