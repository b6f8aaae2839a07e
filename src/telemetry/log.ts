import { type DestinationStream, type Logger, destination, pino, stdTimeFunctions } from "pino";
import { ProviderError } from "../shared/errors.js";

export type Log = Logger;

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";

/** JSON lines, written as they come: nothing is lost when the process ends. */
export function createLog(level: LogLevel, stream: DestinationStream = destination({ fd: 1, sync: true })): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // A second net under the types that cannot print: fields of these names never hold anything else.
      redact: {
        paths: ["token", "jwt", "secret", "password", "*.token", "*.jwt", "*.secret", "*.password"],
        censor: "[redacted]",
      },
    },
    stream,
  );
}

/**
 * What of an error may be logged: our own words, and of a stranger's its class and its code, such as `ECONNREFUSED`. A
 * stranger's message may quote a token or a body, so it is never written.
 */
export function describeError(error: unknown): { error: string; causes?: string[] } {
  const causes: string[] = [];
  for (let cause = causeOf(error), depth = 0; cause !== undefined && depth < 5; cause = causeOf(cause), depth += 1) {
    causes.push(nameOf(cause));
  }
  return { error: nameOf(error), ...(causes.length > 0 && { causes }) };
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

function nameOf(error: unknown): string {
  if (error instanceof ProviderError) return error.message;
  if (!(error instanceof Error)) return typeof error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  const words = [error.constructor.name, syscall, code].filter(
    (word) => typeof word === "string" && /^[\w.-]{1,64}$/.test(word),
  );
  return words.join(" ");
}
