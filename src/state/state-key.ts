import { constants } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { deriveKey, keyLabels } from "../shared/derived-key.js";
import { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import { replaceFile } from "./replace-file.js";
import { seal, sealBytes, unseal } from "./sealed-bytes.js";

const fileName = "key";
const keyBytes = 32;

export interface StateKeyParts {
  /** As returned by `openStateDirectory`. */
  directory: string;
  /** The cluster's. */
  clusterKey: Redacted<Buffer>;
  randomBytes: (size: number) => Buffer;
  /** Whether the file system needs fsync. */
  onDisk: boolean;
}

/**
 * The key that records are sealed with: random, and kept beside them sealed with the cluster's key (AES-256-GCM). When
 * the cluster's key changes this one file is sealed again, and every record stays readable. One sealed with another key
 * is replaced: its records cannot be read any more.
 */
export async function openStateKey(parts: StateKeyParts): Promise<Redacted<Buffer>> {
  const found = await readSealed(parts);
  if (found) return found;
  const made = new Redacted(parts.randomBytes(keyBytes));
  await sealStateKey(made, parts);
  return made;
}

/** Seals the key again, with a new key of the cluster's. Throws `internal`, and the file is as it was. */
export async function sealStateKey(stateKey: Redacted<Buffer>, parts: StateKeyParts): Promise<void> {
  const { directory, randomBytes } = parts;
  try {
    await replaceFile(directory, fileName, seal(stateKey, sealingKey(parts), randomBytes), parts);
  } catch (cause) {
    const { code = "unknown" } = cause as NodeJS.ErrnoException;
    throw new ProviderError("internal", `the key in the state directory ${directory} cannot be written (${code})`, {
      cause,
    });
  }
}

/** `undefined` where there is none, or one that cannot be unsealed. */
async function readSealed(parts: StateKeyParts): Promise<Redacted<Buffer> | undefined> {
  const flag = constants.O_RDONLY | constants.O_NOFOLLOW;
  const bytes = await readFile(join(parts.directory, fileName), { flag }).catch(() => Buffer.alloc(0));
  return bytes.length === sealBytes + keyBytes ? unseal(bytes, sealingKey(parts)) : undefined;
}

function sealingKey({ clusterKey }: StateKeyParts): Redacted<Buffer> {
  return deriveKey(clusterKey, keyLabels.stateKey);
}
