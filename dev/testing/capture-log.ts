import { type Log, type LogLevel, createLog } from "../../src/telemetry/log.js";

export interface CapturedLog {
  log: Log;
  /** Lines so far, parsed. */
  lines: () => Record<string, unknown>[];
  /** All that was written, as it was written. */
  text: () => string;
}

/** A log that writes as the real one does, but into memory. */
export function captureLog(level: LogLevel = "trace"): CapturedLog {
  const written: string[] = [];
  return {
    log: createLog(level, { write: (line) => void written.push(line) }),
    lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>),
    text: () => written.join(""),
  };
}
