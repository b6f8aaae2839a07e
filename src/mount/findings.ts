import { ProviderError } from "../shared/errors.js";

/** Something to say of a class. Mount refuses on an error and ignores the rest; `check` shows all. */
export interface Finding {
  /**
   * `error`: the class cannot be mounted. `ignored`: has no effect and is certainly not meant, but the Go provider
   * mounts such classes. `warning`: works, though perhaps not as its author thinks.
   */
  level: "error" | "ignored" | "warning";
  /** The parameter it is about, as written. */
  parameter?: string;
  /** Where in the parameter's text, in UTF-16 units. */
  offset?: number;
  /** What was found and how to fix it, with the object and field named; in our words. */
  text: string;
}

/** Of each level, as many as fit a message or a line of the log. */
export const mostShown = 20;

/** As many as anybody reads: for commands, which show all of them. */
export const mostRead = 1_000;

/** What is found in a class: so many of each level, and of the others how many they are. */
export class Findings {
  readonly #most: number;
  readonly #list: Finding[] = [];
  readonly #found: Record<Finding["level"], number> = { error: 0, ignored: 0, warning: 0 };

  constructor(most = mostShown) {
    this.#most = most;
  }

  /** Those that are kept, in the order found. */
  get list(): readonly Finding[] {
    return this.#list;
  }

  /** Whether another one would be kept: if not, a reader need not look for what was meant. */
  hasRoom(level: Finding["level"]): boolean {
    return this.#found[level] < this.#most;
  }

  push(finding: Finding): void {
    if (this.hasRoom(finding.level)) this.#list.push(finding);
    this.#found[finding.level] += 1;
  }

  /** How many of a level were found and not kept. */
  left(level: Finding["level"]): number {
    return Math.max(0, this.#found[level] - this.#most);
  }

  texts(level: Finding["level"]): string[] {
    return this.#list.filter((finding) => finding.level === level).map(({ text }) => text);
  }
}

/** One error that names every mistake, as far as they fit a message; `more` were found and are not named. */
export function refusal(mistakes: readonly string[], more = 0): ProviderError {
  const shown = mistakes.slice(0, mostShown).join("; ");
  const left = mistakes.length - Math.min(mistakes.length, mostShown) + more;
  return new ProviderError("invalid_request", shown + (left > 0 ? `; and ${left} more` : ""));
}
