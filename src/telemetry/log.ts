import { type DestinationStream, type Logger, destination, pino, stdTimeFunctions } from "pino";
import { escapeUnprintableInLines } from "../shared/shown-text.js";
import { boundedFields } from "./bounded-fields.js";
import { withoutSecrets } from "./secret-shapes.js";

export type Log = Logger;

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";

/**
 * JSON lines, written as they come: nothing is lost when the process ends. What has a secret's shape is taken out;
 * long texts are cut, and characters that act on a terminal are escaped, which in JSON is the same text.
 */
export function createLog(level: LogLevel, stream: DestinationStream = destination({ fd: 1, sync: true })): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: boundedFields },
      hooks: { streamWrite: (line) => escapeUnprintableInLines(withoutSecrets(line)) },
    },
    stream,
  );
}

/** The same, into a file. */
export function createFileLog(level: LogLevel, path: string): Log {
  return createLog(level, destination({ dest: path, sync: true }));
}
