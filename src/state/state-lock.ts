import { chmod, lstat, rename, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { join } from "node:path";
import { connectError, hasNoListener } from "../shared/connect-error.js";
import { ProviderError } from "../shared/errors.js";
import { longestSocketPath } from "../shared/socket-path.js";
import { LockTerms } from "./lock-terms.js";

/**
 * One writer for a directory: the process whose socket has the last term of the lock `lock` in it, and listens. A process
 * that dies in any way stops listening, so a dead lock can be recognised with certainty; whoever comes then takes the
 * next term. `lock` itself is the socket that has the last, for who wants to talk to it.
 */
export class StateLock {
  readonly #path: string;
  readonly #directory: string;
  readonly #unique: () => string;
  readonly #terms: LockTerms;
  #held: { server: Server; inode: bigint; term: number } | undefined;

  /** `unique` returns names that no other process uses. */
  constructor(directory: string, unique: () => string) {
    this.#directory = directory;
    this.#path = join(directory, "lock");
    this.#unique = unique;
    this.#terms = new LockTerms(this.#path);
    if (Buffer.byteLength(this.#temporary()) > longestSocketPath) {
      throw new ProviderError(
        "invalid_request",
        `the state directory ${directory} has too long a path for a socket in it`,
      );
    }
  }

  get path(): string {
    return this.#path;
  }

  /** Lets `server` listen there, unless another process does: then `false`, and the server is as it was. */
  async take(server: Server, signal: AbortSignal): Promise<boolean> {
    const temporary = this.#temporary();
    await listen(server, temporary);
    try {
      await chmod(temporary, 0o600);
      const { ino } = await lstat(temporary, { bigint: true });
      const term = await this.#nextTerm(temporary, signal);
      if (term === undefined) await closed(server);
      else this.#held = { server, inode: ino, term };
      return term !== undefined;
    } catch (error) {
      await closed(server);
      throw error;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** Whether the socket in the directory is still the one that was taken. */
  async stillOurs(): Promise<boolean> {
    return this.#held !== undefined && (await this.#isThere(this.#held.inode));
  }

  /** The server listens no more, and has no connections. Its term's file stays, so that none is taken twice. */
  async release(): Promise<void> {
    const held = this.#held;
    if (!held) return;
    try {
      if (!(await this.stillOurs())) return;
      await this.#terms.giveBack(held.term, this.#temporary());
      await rm(this.#path, { force: true });
    } finally {
      this.#held = undefined;
      await closed(held.server);
    }
  }

  /** Takes the next term for the socket; `undefined` while another has the last. */
  async #nextTerm(socket: string, signal: AbortSignal): Promise<number | undefined> {
    for (;;) {
      signal.throwIfAborted();
      const last = await this.#terms.last();
      // `lock` too: somebody may have removed its term.
      if ((await answers(this.#terms.pathOf(last), signal)) || (await answers(this.#path, signal))) return undefined;
      const term = await this.#terms.takeAfter(last, socket);
      if (term === undefined) continue;
      await rename(socket, this.#path);
      return term;
    }
  }

  async #isThere(inode: bigint): Promise<boolean> {
    const found = await lstat(this.#path, { bigint: true }).catch(() => undefined);
    return found?.ino === inode;
  }

  #temporary(): string {
    return join(this.#directory, `.${this.#unique()}`);
  }
}

/** A server that closes resets who has just come; asked again, it listens no more. */
const mostAttempts = 5;

/**
 * Whether the socket has a listener that may write here. The directory is this user's: who listens on a socket that this
 * user may not connect to has lost it. Throws an unexpected error of connecting.
 */
async function answers(path: string, signal: AbortSignal): Promise<boolean> {
  let error = await connectError({ path }, signal);
  for (let attempts = 1; error?.code === "ECONNRESET" && attempts < mostAttempts; attempts += 1)
    error = await connectError({ path }, signal);
  const isDead = hasNoListener(error) || error?.code === "EACCES";
  if (error && !isDead && error.code !== "EAGAIN" && error.code !== "ECONNRESET") throw error;
  return !isDead;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

/** Ends the connections that are open: `close` would wait for a client that says nothing, and renewals with it. */
function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
