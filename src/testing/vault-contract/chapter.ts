import { ask, type Heard, type Question } from "./ask.js";
import type { Subject } from "./subject.js";

/** What a chapter of the contract works with: the Vault on trial, asked as root unless a token is named. */
export class Trial {
  readonly subject: Subject;

  constructor(subject: Subject) {
    this.subject = subject;
  }

  root(method: string, path: string, body?: unknown): Promise<Heard> {
    return this.ask(method, path, { token: this.subject.rootToken, ...(body !== undefined && { body }) });
  }

  ask(method: string, path: string, question: Question = {}): Promise<Heard> {
    return ask(this.subject.address, method, path, question);
  }

  /** As root; throws unless it is done. */
  async must(method: string, path: string, body?: unknown): Promise<Heard> {
    const heard = await this.root(method, path, body);
    if (heard.status >= 300) throw new Error(`${method} ${path}: ${heard.status} ${heard.text}`);
    return heard;
  }

  /** A new token with these policies and whatever else `auth/token/create` takes. */
  async token(wish: Record<string, unknown>): Promise<{ client_token: string; accessor: string }> {
    return (await this.must("POST", "auth/token/create", wish)).json!.auth!;
  }
}

/** One part of the contract; declares its tests. `trial` is there once they run. */
export type Chapter = (trial: () => Trial) => void;
