import { readFileSync } from "node:fs";
import { join } from "node:path";

const dockerfile = join(import.meta.dirname, "..", "..", "Dockerfile");

/** What the image tells Node of its heap. */
export function imageFlags(): string[] {
  const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync(dockerfile, "utf8"))![1]!;
  return (JSON.parse(entrypoint) as string[]).filter((word) => word.startsWith("--max"));
}
