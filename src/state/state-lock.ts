import { chmod, link, lstat, rename, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { join } from "node:path";
import type { Clock } from "../shared/clock.js";
import { connectError, hasNoListener } from "../shared/connect-error.js";
import { ProviderError } from "../shared/errors.js";
import { longestSocketPath } from "../shared/socket-path.js";

/**
 * A process that found a dead socket a moment ago may move away the one that has replaced it since, and puts it back when
 * it finds it alive; unless yet another has come in between. So a lock is taken only if it is still there after this time.
 */
const settlingMs = 50;

/**
 * One writer for a directory: the process that listens on the socket `lock` in it. A process that dies in any way stops
 * listening, so a stale lock can be recognised with certainty.
 */
export class StateLock {
  readonly #path: string;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #unique: () => string;
  #held: { server: Server; inode: bigint } | undefined;

  /** `unique` returns names that no other process uses. */
  constructor(directory: string, clock: Clock, unique: () => string) {
    this.#clock = clock;
    this.#directory = directory;
    this.#path = join(directory, "lock");
    this.#unique = unique;
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
      while (!(await linked(temporary, this.#path))) {
        signal.throwIfAborted();
        if (!(await this.#cleared(signal))) {
          await closed(server);
          return false;
        }
      }
      await this.#clock.sleep(settlingMs, signal);
      if (await this.#isThere(ino)) this.#held = { server, inode: ino };
      else await closed(server);
      return this.#held !== undefined;
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

  /** The server listens no more, and has no connections. */
  async release(): Promise<void> {
    const held = this.#held;
    if (!held) return;
    if (await this.stillOurs()) await rm(this.#path, { force: true });
    this.#held = undefined;
    await closed(held.server);
  }

  /** Removes a dead socket; `false` when it lives. It is set aside before it is looked at for the last time. */
  async #cleared(signal: AbortSignal): Promise<boolean> {
    if (await answers(this.#path, signal)) return false;
    const aside = this.#temporary();
    try {
      await rename(this.#path, aside);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
      throw error;
    }
    try {
      if (!(await answers(aside, signal))) return true;
      await linked(aside, this.#path);
      return false;
    } finally {
      await rm(aside, { force: true });
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

/** Whether the socket has a listener. Throws an unexpected error of connecting. */
async function answers(path: string, signal: AbortSignal): Promise<boolean> {
  let error = await connectError({ path }, signal);
  for (let attempts = 1; error?.code === "ECONNRESET" && attempts < mostAttempts; attempts += 1)
    error = await connectError({ path }, signal);
  if (error && !hasNoListener(error) && error.code !== "EAGAIN" && error.code !== "ECONNRESET") throw error;
  return !hasNoListener(error);
}

/** Gives `from` the name `to` as well; `false` when something has it. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
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
