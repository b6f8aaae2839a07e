/** What looks like a JWT (whose header is never long), a Vault token (since 1.10 and before) or a private key. */
const secretShape = new RegExp(
  [
    String.raw`eyJ[\w-]{8,512}\.[\w-]{8,}(?:\.[\w-]*)?`,
    String.raw`\bhv[sbr]\.[\w-]{12,}`,
    String.raw`\b[sbr]\.[A-Za-z0-9]{20,}`,
    String.raw`-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^"]*`,
  ].join("|"),
  "g",
);

/**
 * A second line of defence behind `Redacted`: removes what has the shape of a secret from a line before it is written. It
 * cannot know a value without a shape, so nothing may rely on it.
 */
export function withoutSecrets(line: string): string {
  return line.replace(secretShape, "[redacted]");
}
