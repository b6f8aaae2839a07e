import { link, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";

/**
 * The terms of a lock at `path`, files `path.1`, `path.2` and so on: a link gives each to one process only, and one goes
 * only when a higher one is there, so the last never falls.
 */
export class LockTerms {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** The highest term that was taken; 0 where none was. */
  async last(): Promise<number> {
    return Math.max(0, ...(await this.#taken()));
  }

  /** Where the term's file is, if it was taken. */
  pathOf(term: number): string {
    return `${this.#path}.${term}`;
  }

  /** Gives `socket` the term after `last`, and removes those before it; `undefined` where that one or a later one was taken. */
  async takeAfter(last: number, socket: string): Promise<number | undefined> {
    const own = last + 1;
    if (!(await linked(socket, this.pathOf(own)))) return undefined;
    const taken = await this.#taken();
    const isLast = taken.every((term) => term <= own);
    // One that is not the last had been taken before, and gone.
    for (const term of isLast ? taken.filter((each) => each < own) : [own])
      await rm(this.pathOf(term), { force: true });
    return isLast ? own : undefined;
  }

  /**
   * The term's file is no socket from here on. A closed socket still listens for as long as a child, which was forked a
   * moment ago and has yet to run its program, has it too. `temporary` is a path beside it that nobody uses.
   */
  async giveBack(term: number, temporary: string): Promise<void> {
    await writeFile(temporary, "");
    await rename(temporary, this.pathOf(term));
  }

  async #taken(): Promise<number[]> {
    const [directory, prefix] = [dirname(this.#path), `${basename(this.#path)}.`];
    const names = (await readdir(directory)).filter((name) => name.startsWith(prefix));
    return names.map((name) => name.slice(prefix.length)).flatMap((text) => (isTerm(text) ? Number(text) : []));
  }
}

function isTerm(text: string): boolean {
  return /^[1-9]\d{0,14}$/.test(text);
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
