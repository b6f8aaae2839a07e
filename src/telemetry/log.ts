import { type DestinationStream, type Logger, destination, pino, stdTimeFunctions } from "pino";
import { withoutSecrets } from "./secret-shapes.js";

export type Log = Logger;

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";

/** JSON lines, written as they come: nothing is lost when the process ends. What has a secret's shape is taken out. */
export function createLog(level: LogLevel, stream: DestinationStream = destination({ fd: 1, sync: true })): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: withoutSecrets },
    },
    stream,
  );
}

/** The same, into a file. */
export function createFileLog(level: LogLevel, path: string): Log {
  return createLog(level, destination({ dest: path, sync: true }));
}
