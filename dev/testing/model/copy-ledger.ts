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
  /** One of them is, for certain. */
  isKept: boolean;
  /** It was read in a Mount that is not over yet. */
  isNew: boolean;
}

/** Which offline copies may be on a node: what Vault answered to the pods of an account, and has not refused since. */
export class CopyLedger {
  readonly #maxAgeMs: number;
  readonly #known = new Map<string, KnownReads>();

  constructor(maxAgeMs: number) {
    this.#maxAgeMs = maxAgeMs;
  }

  answered(account: string, path: string, read: Read): void {
    const key = `${account} ${path}`;
    const known = this.#known.get(key) ?? { account, path, reads: [], isKept: false, isNew: true };
    known.reads.push(read);
    known.isNew = true;
    this.#known.set(key, known);
  }

  /**
   * A Mount is over, and its process lives: the last read of each secret has replaced all others. Without the state directory it
   * has ended them, and is not kept itself.
   */
  mounted(hasDirectory: boolean): void {
    for (const known of this.#known.values()) {
      if (!known.isNew) continue;
      known.isNew = false;
      const last = Math.max(...known.reads.map(({ at }) => at));
      known.reads = hasDirectory ? known.reads.filter(({ at }) => at === last) : [];
      known.isKept = known.reads.length > 0;
    }
  }

  /** A process was killed: the last read may be written or not. */
  killed(): void {
    for (const known of this.#known.values()) known.isKept = known.isNew = false;
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

  /** Whether a copy of this text and age may be there. Its record is as old as the read, or a twentieth of `maxAge` older. */
  mayHave(account: string, path: string, { text, ageMs, now }: { text: string; ageMs: number; now: number }): boolean {
    const reads = this.#known.get(`${account} ${path}`)?.reads ?? [];
    const isOf = ({ at }: Read) => ageMs >= now - at && ageMs <= now - at + this.#maxAgeMs / 20;
    return ageMs <= this.#maxAgeMs && reads.some((read) => read.text === text && isOf(read));
  }

  /** Whether a copy must be there. */
  mustHave(account: string, path: string, now: number): boolean {
    const known = this.#known.get(`${account} ${path}`);
    return known?.isKept === true && known.reads.every(({ at }) => now - at < (this.#maxAgeMs * 19) / 20);
  }
}
