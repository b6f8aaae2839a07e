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

const mostInMessage = 20;

/** One error that names every mistake, as far as they fit a message. */
export function refusal(mistakes: readonly string[]): ProviderError {
  const shown = mistakes.slice(0, mostInMessage).join("; ");
  const more = mistakes.length > mostInMessage ? `; and ${mistakes.length - mostInMessage} more` : "";
  return new ProviderError("invalid_request", shown + more);
}
