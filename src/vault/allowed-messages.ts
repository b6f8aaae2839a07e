/**
 * Vault's messages that may appear in the pod's events. A text must match one of these as a whole. What
 * varies in them is a name: of a role, a key or a certificate, which the class's author wrote and which is public by
 * nature. All other text is withheld, since it may hold a database's host and user (`failed to connect to host=… user=…`), SQL,
 * or what was sent (a plaintext, a password): Vault echoes its input in errors of its engines (HCSEC-2025-09).
 */
const name = String.raw`[\w .*@:/+-]{1,128}`;
const shown = [
  String.raw`unknown role: ${name}`,
  String.raw`[Rr]ole "?${name}"? not found`,
  String.raw`[Rr]ole '${name}' does not exist`,
  String.raw`(role set|static account|impersonated account) ["']${name}["'] (does not exists?|not found)`,
  String.raw`unknown key: ${name}`,
  String.raw`no data provided`,
  String.raw`role "${name}" could not be found`,
  String.raw`(common name|subject alternate name|URI SAN|IP Subject Alternative Name) ${name} not allowed by this role`,
  String.raw`the common_name field is required, or must be provided in a CSR with "use_csr_common_name" set to true, unless "require_cn" is set to false`,
  String.raw`cannot satisfy request, as TTL would result in notAfter( of)? ${name} that is beyond the expiration of the CA certificate at ${name}`,
  String.raw`invalid ciphertext: no prefix`,
  String.raw`invalid ciphertext: could not decode base64`,
  String.raw`invalid ciphertext length`,
  String.raw`cipher: message authentication failed`,
  String.raw`encryption key not found`,
  String.raw`ciphertext or signature version is disallowed by policy \(too old\)`,
  String.raw`missing (ciphertext|plaintext|role|name|common_name|public_key|username|ip)( to (decrypt|encrypt))?`,
  String.raw`unsupported (operation|path)`,
].map((pattern) => new RegExp(`^${pattern}$`));

/** Texts that quote what was sent: only what comes before, or the field's name, is shown (vault/sdk/framework, builtin/logical/pki). */
const cut: readonly { says: RegExp; text: (part: string) => string }[] = [
  {
    says: /^Field validation failed: error converting input .* for field "([a-z_]{1,40})"/s,
    text: (field) => `Field validation failed: the value of the field "${field}" has not the form that it must have`,
  },
  { says: /^((?:IP|URI) Subject Alternative Names are not allowed in this role)/, text: (words) => words },
];

/** The first of Vault's errors (see `errorsIn`) that may be shown, without control characters; at most 300 characters. */
export function allowedMessage(errors: readonly string[]): string | undefined {
  for (const words of errors.filter((error) => error.length <= 300).map(withoutFrame)) {
    if (shown.some((pattern) => pattern.test(words))) return words;
    for (const { says, text } of cut) {
      const [, part] = says.exec(words) ?? [];
      if (part !== undefined) return text(part);
    }
  }
  return undefined;
}

/** Vault frames one of its errors as a list of one. */
function withoutFrame(error: string): string {
  return error
    .replace(/^\d+ errors? occurred:/, "")
    .replace(/^[\s*]+/, "")
    .trimEnd();
}
