/**
 * Stands in for axios in the bundle: node-vault requires it, but with our own transport never creates one. A caller that does
 * gets an error, since axios would take proxies from the environment and follow redirects with the token.
 */
export function create(): never {
  throw new Error("axios is not part of keymount");
}
