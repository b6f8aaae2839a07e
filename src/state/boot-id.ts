import { readFile } from "node:fs/promises";
import { ProviderError } from "../shared/errors.js";

/** Tells this boot of the node from every other (random(4)). */
export async function readBootId(signal: AbortSignal, path = "/proc/sys/kernel/random/boot_id"): Promise<string> {
  const read = await readFile(path, { encoding: "utf8", signal }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new ProviderError(
      "invalid_request",
      `${path} cannot be read, so state of this boot cannot be told from older`,
      { cause },
    );
  });
  return read.trim();
}
