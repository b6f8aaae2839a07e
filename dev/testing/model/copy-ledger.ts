import type { ProviderError } from "../../../src/shared/errors.js";
import { VaultError } from "../../../src/vault/vault-error.js";

/** A secret, and when it was read; `Clock.monotonic()`. */
interface Read {
  at: number;
  text: string;
}

interface KnownReads {
  readonly account: string;
  readonly path: string;
  /** Any of these may be the copy. */
  reads: Read[];
  /** What was read since, and a Mount may yet be delivered with. */
  fresh: Read[];
  /** The last of them was read in the Mount that is not over yet. */
  isNew: boolean;
  /** One of `reads` is the copy, for certain. */
  isKept: boolean;
  /** The Mount that brought it. */
  set: number;
}

/** Which offline copies may be on a node: what pods of an account were delivered with, and Vault has not refused since. */
export class CopyLedger {
  readonly #maxAgeMs: number;
  readonly #known = new Map<string, KnownReads>();
  /** Texts that an account's pods were delivered with at once. */
  readonly #sets = new Set<string>();
  #mounts = 0;

  constructor(maxAgeMs: number) {
    this.#maxAgeMs = maxAgeMs;
  }

  answered(account: string, path: string, read: Read): void {
    const key = `${account} ${path}`;
    const known = this.#known.get(key) ?? { account, path, reads: [], fresh: [], isNew: true, isKept: false, set: 0 };
    known.fresh.push(read);
    known.isNew = true;
    this.#known.set(key, known);
  }

  /**
   * A Mount is over, and its process lives. Where it was delivered with nothing stale, what it has read replaces all copies, and
   * what others have read before may be it; without the state directory it ends them, and is not kept itself. A Mount that
   * failed changes nothing: another may be delivered with what it has read.
   */
  mounted({
    account,
    delivered,
    hasDirectory,
  }: {
    account: string;
    delivered?: string[];
    hasDirectory: boolean;
  }): void {
    this.#mounts += 1;
    if (delivered) this.#sets.add(setOf(account, delivered));
    for (const known of this.#known.values()) {
      const { isNew } = known;
      known.isNew = false;
      if (!delivered || known.account !== account || known.fresh.length === 0) continue;
      known.reads = hasDirectory
        ? [...(isNew ? [] : known.reads), ...(isNew ? known.fresh.slice(-1) : known.fresh)]
        : [];
      known.isKept = hasDirectory && (isNew || known.isKept);
      known.set = this.#mounts;
      known.fresh = [];
    }
  }

  /** A process was killed: what it read last may have been delivered and written, or not. */
  killed(): void {
    const all = [...this.#known.values()];
    for (const one of all) {
      for (const other of all) {
        if (one.account !== other.account || one.path >= other.path) continue;
        for (const { text } of one.fresh)
          for (const twin of other.fresh) this.#sets.add(setOf(one.account, [text, twin.text]));
      }
    }
    for (const known of all) {
      known.isKept = false;
      known.reads.push(...known.fresh);
      known.fresh = [];
      known.isNew = false;
    }
  }

  /** A pod of the account has seen a refusal; one that passes ends no copy. */
  refused(account: string, path: string, error: ProviderError): void {
    const kind = error instanceof VaultError ? error.kind : undefined;
    for (const [key, known] of this.#known) {
      const isOfAccount = kind === "login_denied" && known.account === account;
      const isOfPath = ["missing", "deleted", "destroyed"].includes(kind ?? "") && known.path === path;
      const isOfBoth = kind === "denied" && known.account === account && known.path === path;
      if (isOfAccount || isOfPath || isOfBoth) this.#known.delete(key);
      // A token that dies right after its login may be a refusal of Vault's, so that the copy ends, and may pass.
      if (kind === "token_invalid" && known.account === account && known.path === path) known.isKept = false;
    }
  }

  /**
   * Whether a copy of this text and age may be there. Its record is as old as the first read of its Mount, which takes two minutes at
   * most, or a twentieth of `maxAge` older.
   */
  mayHave(account: string, path: string, { text, ageMs, now }: { text: string; ageMs: number; now: number }): boolean {
    const reads = this.#known.get(`${account} ${path}`)?.reads ?? [];
    const isOf = ({ at }: Read) => ageMs >= now - at && ageMs <= now - at + this.#maxAgeMs / 20 + 120_000;
    return ageMs <= this.#maxAgeMs && reads.some((read) => read.text === text && isOf(read));
  }

  /** Whether a pod of the account was delivered with these together. */
  mayHaveSet(account: string, texts: string[]): boolean {
    return this.#sets.has(setOf(account, texts));
  }

  /** Whether copies of all these must be there, of one Mount. */
  mustHave(account: string, paths: readonly string[], now: number): boolean {
    const known = paths.map((path) => this.#known.get(`${account} ${path}`));
    const isThere = (one: KnownReads | undefined) =>
      one?.isKept === true && one.reads.every(({ at }) => now - at < (this.#maxAgeMs * 19) / 20 - 120_000);
    return known.every(isThere) && new Set(known.map((one) => one!.set)).size === 1;
  }
}

function setOf(account: string, texts: string[]): string {
  return JSON.stringify([account, ...texts.sort()]);
}
