import { LruCache } from "../shared/lru-cache.js";

/** Vault has room for what it answers sooner; more than the way to a far Vault and a TokenReview take. */
const busyMs = 500;
/** Slow answers that tell a busy Vault: so many at least, of which no namespace gives more than half. */
const fewest = 4;
/** Latest answers of a namespace that are compared: a login is slower than the reads that follow it. */
const compared = 4;
/** Namespaces that asked of late: so many at most, within this time. Vault may be busy or not, a moment later. */
const mostNamespaces = 8;
const oldestMs = 20_000;
/** A gap grows to so many times the time between two requests before. */
const growth = 2;
/** Nor is it longer than an answer takes, so that one request is always under way. */
const longestMs = 2_000;
/** A gap is half as long after this time. */
const halfLifeMs = 15_000;

interface Answer {
  namespace: string;
  ms: number;
}

/** What a namespace was answered of late. */
interface Voice {
  readonly answers: number[];
  at: number;
}

/**
 * The time between the starts of two requests, none while Vault answers quickly. Where thousands of nodes wait for the same
 * Vault, one request at a time of each is too much: each node halves the rate of its requests, and speeds up until Vault is
 * busy again. Vault is busy when it is slow for most namespaces that asked of late, for each in all of its latest answers: a
 * namespace has one voice however often it asks, so what is slow for one of them holds up no other.
 */
export class RequestSpacing {
  readonly #voices = new LruCache<Voice>(mostNamespaces);
  #gapMs = 0;
  #setAt = 0;

  /** Milliseconds. */
  gapAt(now: number): number {
    const gapMs = this.#gapMs * 0.5 ** ((now - this.#setAt) / halfLifeMs);
    return gapMs < 1 ? 0 : gapMs;
  }

  /** A request was answered in `ms`; as many as `running` were under way, itself among them. */
  answered({ namespace, ms }: Answer, running: number, now: number): void {
    this.#voices.removeIf(({ at }) => now - at > oldestMs);
    const voice = this.#voices.get(namespace) ?? this.#newVoice(namespace);
    voice.at = now;
    if (voice.answers.push(ms) > compared) voice.answers.shift();
    // How long Vault takes while it is busy is not told by what is fast all the same.
    if (ms <= busyMs || !this.#isBusy()) return;
    const betweenMs = Math.max(this.gapAt(now), ms / running);
    // What was sent before the gap says nothing of it.
    if (this.#gapMs > 0 && now - this.#setAt < ms + betweenMs) return;
    this.#gapMs = Math.min(longestMs, ms, betweenMs * growth);
    this.#setAt = now;
  }

  #newVoice(namespace: string): Voice {
    const voice = { answers: [], at: 0 };
    this.#voices.set(namespace, voice, 1);
    return voice;
  }

  #isBusy(): boolean {
    const slow = [...this.#voices.values()].filter(({ answers }) => answers.every((ms) => ms > busyMs));
    const counted = slow.reduce((sum, { answers }) => sum + Math.min(answers.length, fewest / 2), 0);
    return counted >= fewest && slow.length > this.#voices.size / 2;
  }
}
