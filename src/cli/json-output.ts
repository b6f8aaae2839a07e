import type { CommandIo } from "./command-io.js";

/** `-o json`, or its other name `--json`. */
export function wantsJson({ output, json }: { output: "table" | "json"; json: boolean }): boolean {
  return json || output === "json";
}

/** One JSON text for programs, indented for people. */
export function writeJson({ stdout }: CommandIo, value: unknown): void {
  stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
