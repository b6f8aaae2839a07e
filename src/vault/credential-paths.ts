import { holdsCredentialRoles, makesCredential } from "../mount/credential-path.js";

/** Paths remembered at once; the one that was of no interest for longest is forgotten first. */
const rememberedPaths = 4096;

/**
 * Which reads make a credential. Only an answer with a lease tells for certain, and a read that may not make one must be
 * refused before it is asked; so what was answered so is remembered, for as long as the process lives and by what it finds
 * in the state directory. A role tells of the other roles beside it (`database/creds/*`).
 */
export class CredentialPaths {
  readonly #known = new Set<string>();

  /**
   * Whether a read of the path makes a credential, for certain or as far as Vault's usual paths tell: such a read is worth
   * waiting for, and is not sent twice. A KV secret below a folder `creds` is taken for one as well, which costs no more.
   */
  makesCredentials(connection: string, vaultNamespace: string, path: string): boolean {
    return makesCredential({ method: "GET", path, query: "" }) || this.hasMade(connection, vaultNamespace, path);
  }

  /** Whether it has been seen to. */
  hasMade(connection: string, vaultNamespace: string, path: string): boolean {
    const key = this.#take(connection, vaultNamespace, path);
    if (key !== undefined) this.#known.add(key);
    return key !== undefined;
  }

  /** A GET of the path was answered with a lease. */
  learn(connection: string, vaultNamespace: string, path: string): void {
    const key = keyOf(connection, vaultNamespace, path);
    this.#known.delete(key);
    this.#known.add(key);
    const [oldest] = this.#known;
    if (this.#known.size > rememberedPaths && oldest !== undefined) this.#known.delete(oldest);
  }

  /** A GET of the path was answered without one: another engine may be there meanwhile. */
  forget(connection: string, vaultNamespace: string, path: string): void {
    this.#take(connection, vaultNamespace, path);
  }

  /** Takes it out; its key, if it was known. Most nodes know none, and ask for every request. */
  #take(connection: string, vaultNamespace: string, path: string): string | undefined {
    if (this.#known.size === 0) return undefined;
    const key = keyOf(connection, vaultNamespace, path);
    return this.#known.delete(key) ? key : undefined;
  }
}

function keyOf(connection: string, vaultNamespace: string, path: string): string {
  const steps = path.split("/");
  const creating = steps.findIndex(holdsCredentialRoles);
  const pattern = creating < 0 ? path : `${steps.slice(0, creating + 1).join("/")}/*`;
  return JSON.stringify([connection, vaultNamespace, pattern]);
}
