/**
 * Stands in for axios, tv4 and mustache in the bundle: node-vault requires them, and with our transport, our validator and no
 * commands calls none of them. axios must never be called: it would take proxies from the environment and follow redirects
 * with the token.
 */
export function create(): never {
  throw new Error("axios is not part of keymount");
}
