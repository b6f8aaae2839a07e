/** The JSON form of a raw path: the end of each, and what stands there instead. */
const forms: readonly [raw: RegExp, json: string, key: string][] = [
  [/\/ca_chain$/, "/cert/ca_chain", "certificate"],
  [/\/cert\/([^/]+)\/raw(\/pem)?$/, "/cert/$1", "certificate"],
  [/\/issuer\/([^/]+)\/crl(\/delta)?\/(pem|der)$/, "/issuer/$1/crl$2", "crl"],
  [/\/issuer\/([^/]+)\/(pem|der)$/, "/issuer/$1/json", "certificate"],
  [/\/crl\/delta(\/pem)?$/, "/cert/delta-crl", "certificate"],
  [/\/ca(\/pem)?$/, "/cert/ca", "certificate"],
  [/\/crl(\/pem)?$/, "/cert/crl", "certificate"],
  [/\/public_key$/, "/config/ca", "public_key"],
];

/**
 * Where Vault answers in JSON what it answers raw at this path (`pki/ca/pem`: `pki/cert/ca`), and under which key; `undefined`
 * for a path that no PKI or SSH engine answers raw, as far as its end tells.
 */
export function jsonFormOf(path: string): { path: string; key: string } | undefined {
  if (/\/(cert|config)\/[^/]+$/.test(path) || /\/issuer\/[^/]+\/crl(\/delta)?$/.test(path)) return undefined;
  const form = forms.find(([raw]) => raw.test(path));
  return form && { path: path.replace(form[0], form[1]), key: form[2] };
}
