import { readFile } from "node:fs/promises";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { fileFault } from "../shared/file-fault.js";
import { Redacted } from "../shared/redacted.js";

const keyBytes = 32;
const readAgainMs = 60_000;

/** The cluster's key from a file: 32 random bytes, raw or as base64 or hex text. Throws `invalid_request` for less. */
export async function readKeyFile(path: string, signal: AbortSignal): Promise<Redacted<Buffer>> {
  const read = await readFile(path, { signal }).catch((error: NodeJS.ErrnoException) => {
    signal.throwIfAborted();
    throw new ProviderError("invalid_request", `the key file ${path} cannot be read: ${fileFault(error)}`, {
      cause: error,
    });
  });
  const key = decoded(read);
  if (key.length >= keyBytes) return new Redacted(key);
  throw new ProviderError(
    "invalid_request",
    `the key file ${path} holds ${key.length} bytes, not the 32 random ones it should; make one with: head -c 32 /dev/urandom > ${path}`,
  );
}

/** The key of the file every minute. Throws as `readKeyFile` does, and can then be begun again. */
export async function* keyFileChanges(
  path: string,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Redacted<Buffer>, never> {
  for (;;) {
    yield await readKeyFile(path, signal);
    await clock.sleep(readAgainMs, signal);
  }
}

/**
 * Text of exactly a key's length in hex or base64 is taken as that. Shorter text of theirs is, too: it would pass for 32
 * raw bytes while it says fewer. Anything else is taken as it is.
 */
function decoded(read: Buffer): Buffer {
  const text = read.toString("latin1").trim();
  if (/^[0-9a-f]{0,64}$/i.test(text)) return Buffer.from(text, "hex");
  if (/^[A-Za-z0-9+/]{0,43}={0,2}$/.test(text)) return Buffer.from(text, "base64");
  return read;
}
