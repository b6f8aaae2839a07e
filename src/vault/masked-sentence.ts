import type { Operation } from "./operation.js";

/** What a request holds that Vault may say again. */
export interface Spoken {
  /** What the class's author wrote as names, and keymount shows: of paths, roles, parameters, certificates. */
  names: ReadonlySet<string>;
  /** What was sent, and is not shown. */
  values: readonly string[];
}

/** Parameters of Vault's engines whose values are names: of certificates, principals, roles and keys. */
const namingParameters = new Set(
  "common_name alt_names uri_sans ip_sans valid_principals role role_name name key_name kubernetes_namespace".split(
    " ",
  ),
);

/** Parameters that Vault's texts name though the request did not, for that is what is wrong. */
const parameterNames = (
  "ciphertext plaintext context nonce public_key username ip ttl lease_duration require_cn use_csr_common_name " +
  "common_name alt_names ip_sans uri_sans csr key_type key_bits data options cas kubernetes_namespace code url"
).split(" ");

/** Characters of JSON; what was sent beyond them is not looked for, so nothing is quoted. */
const mostSent = 64 << 10;

/** What a refusal may say again of its request, and what it must not; `undefined` where too much was sent to look for. */
export function spokenBy({ path, query = "", args }: Pick<Operation, "path" | "query" | "args">): Spoken | undefined {
  const sent = args?.reveal() ?? "null";
  if (sent.length > mostSent) return undefined;
  const parameters = [...new URLSearchParams(query)].flat();
  const names = new Set([...parameterNames, path, ...path.split("/"), ...parameters]);
  const values: string[] = [];
  const rest: { value: unknown; isName: boolean }[] = [{ value: JSON.parse(sent), isName: false }];
  for (let next = rest.pop(); next; next = rest.pop()) {
    const { value, isName } = next;
    if (Array.isArray(value)) rest.push(...value.map((item: unknown) => ({ value: item, isName })));
    else if (value !== null && typeof value === "object") {
      for (const [key, inner] of Object.entries(value)) {
        names.add(key);
        rest.push({ value: inner, isName: namingParameters.has(key) });
      }
    } else if (typeof value === "string" && isName) value.split(",").forEach((name) => names.add(name.trim()));
    else if (typeof value === "string" || typeof value === "number") values.push(String(value));
  }
  return { names, values };
}

const mostCharacters = 300;
const mask = "…";

/**
 * The first sentence of Vault's errors (see `errorsIn`) that tells something, for the reader of a pod's events; at most 300
 * characters. Vault's engines put into their texts what they were sent, and what they know of the systems behind them
 * (HCSEC-2025-09): a plaintext, a database's host and user, an account. So only these words stay: plain ones of letters,
 * small numbers, times, and the request's own names. All that is quoted stays only if it is one of those names. The rest,
 * and whatever was sent, becomes `…`. Takes linear time.
 */
export function maskedSentence(errors: readonly string[], spoken: Spoken): string | undefined {
  const { names, values } = spoken;
  const sent = new Set(values.flatMap(wordsIn));
  const isShown = (text: string, isKnown: boolean) => isKnown && !wordsIn(text).some((word) => sent.has(word));
  const shown = (word: string) => {
    const [, before = "", core = "", after = ""] = /^([([]{0,2})(.*?)([)\].,:;!?]{0,3})$/s.exec(word) ?? [];
    const isKnown = core === "" || names.has(core) || plainWords.some((plain) => plain.test(core));
    return isShown(core, isKnown) ? word : `${before}${mask}${after}`;
  };
  for (const error of errors) {
    const text = withoutValues(withoutFrame(start(error)), values);
    const [, field] =
      /^Field validation failed: error converting input .* for field "([a-z_]{1,40})"/s.exec(text) ?? [];
    if (field !== undefined && names.has(field)) {
      return `Field validation failed: the value of the field "${field}" has not the form that it must have`;
    }
    const words = partsOf(text).flatMap(({ quote, content, after }) => {
      if (quote === "") return content.split(/\s/).map(shown);
      return [`${isShown(content, names.has(content)) ? `${quote}${content}${quote}` : mask}${after}`];
    });
    const sentence = joined(words, error.length > mostCharacters);
    if (/[a-z]{3}/i.test(sentence)) return sentence;
  }
  return undefined;
}

function wordsIn(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** A word that was cut may be a token's beginning, which looks like any word. */
function start(error: string): string {
  if (error.length <= mostCharacters) return error;
  return error.slice(0, Math.max(0, error.lastIndexOf(" ", mostCharacters)));
}

/** Vault frames its errors as a list, which may be of one. */
function withoutFrame(error: string): string {
  const lines = error.replace(/^\d{1,4} errors? occurred:/, "").split("\n");
  return lines
    .map((line) => line.trim())
    .map((line) => (line.startsWith("* ") ? line.slice(2) : line))
    .filter((line) => line !== "")
    .join("; ");
}

/** Without the values as they were sent. One of a letter or two is a matter of whole words. */
function withoutValues(text: string, values: readonly string[]): string {
  return values.filter(({ length }) => length > 2).reduce((left, value) => left.replaceAll(value, mask), text);
}

interface Part {
  /** Empty for what is not quoted. */
  quote: string;
  content: string;
  /** The punctuation behind a quote. */
  after: string;
}

/** A text at its quotes: `doesn't` has none, and what does not end reaches to the end of the text. */
function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const quote = text[at]!;
    if (!`'"\``.includes(quote) || isOfWord(text[at - 1])) continue;
    parts.push({ quote: "", content: text.slice(from, at), after: "" });
    const end = endOfQuote(text, at);
    const [after] = /^[)\].,:;!?]{0,3}/.exec(text.slice(end + 1)) ?? [""];
    parts.push({ quote, content: text.slice(at + 1, end), after });
    at = end + after.length;
    from = at + 1;
  }
  parts.push({ quote: "", content: text.slice(from), after: "" });
  return parts;
}

/** Go's `%q` escapes quotes; `%s` between quotes does not. */
function endOfQuote(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === text[start] && !isOfWord(text[at + 1])) return at;
  }
  return text.length;
}

function isOfWord(character = " "): boolean {
  return /[\p{L}\p{N}]/u.test(character);
}

const plainWords = [
  /^[A-Za-z]{1,20}(['_/-][A-Za-z]{1,20}){0,4}$/,
  /^\d{1,6}(ms|[smhd%])?$/,
  /^\d{4}-\d\d-\d\d(T[\d:.]{1,18}Z?)?$/,
  /^(x509|base64|utf-?8|sha\d{1,3}|rsa|ed25519|pkcs\d{1,2}|v\d)$/i,
];

/** Masks in a row are one. */
function joined(words: readonly string[], isCut: boolean): string {
  const parts = words.filter((word) => word !== "");
  if (isCut) parts.push(mask);
  return parts.filter((word, at) => word !== mask || !parts[at + 1]?.startsWith(mask)).join(" ");
}
