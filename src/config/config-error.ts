import { ProviderError } from "../shared/errors.js";

/** Why keymount does not start: every mistake in flags, environment and file, one a line, each with its place. */
export class ConfigError extends ProviderError {
  override readonly name = "ConfigError";
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super("invalid_request", mistakes.join("\n"));
    this.mistakes = mistakes;
  }
}
