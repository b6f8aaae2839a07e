import type { ErrorCode } from "../shared/errors.js";

/** What is wrong with a template, and where; in our words, with nothing of its data but names. */
export class TemplateMistake extends Error {
  override readonly name = "TemplateMistake";

  constructor(
    readonly code: ErrorCode,
    message: string,
    /** From 1. */
    readonly line: number,
    readonly column: number,
  ) {
    super(message);
  }
}

/** Thrown by a filter; where it is, the engine knows. */
export class FilterMistake extends Error {
  override readonly name = "FilterMistake";
}
