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
  /** As `replaceFile` has it. */
  onDisk: boolean;
}

export interface StateKeys {
  /** What the records are sealed with. */
  state: Redacted<Buffer>;
  /** The cluster's, which that is sealed with. */
  cluster: Redacted<Buffer>;
}

/**
 * The key that records are sealed with: random, and kept beside them sealed with the cluster's key (AES-256-GCM). When
 * the cluster's key changes this one file is sealed again, and every record stays readable. One sealed with another key
 * is replaced: its records cannot be read any more. Before that `readClusterKey` reads the cluster's key again, for another
 * process may have sealed the file with one that this process has not seen yet; what that throws leaves the file as it is, as a
 * file that cannot be read does (`internal`).
 */
export async function openStateKey(
  parts: StateKeyParts,
  readClusterKey: () => Promise<Redacted<Buffer>>,
): Promise<StateKeys> {
  const sealed = await readSealed(parts);
  let cluster = parts.clusterKey;
  let state = sealed && unseal(sealed, sealingKey(cluster));
  if (sealed && !state) {
    cluster = await readClusterKey();
    state = unseal(sealed, sealingKey(cluster));
  }
  if (state) return { state, cluster };
  const made = new Redacted(parts.randomBytes(keyBytes));
  await sealStateKey(made, { ...parts, clusterKey: cluster });
  return { state: made, cluster };
}

/** Seals the key again, with a new key of the cluster's. Throws `internal`, and the file is as it was. */
export async function sealStateKey(stateKey: Redacted<Buffer>, parts: StateKeyParts): Promise<void> {
  const { directory, clusterKey, randomBytes } = parts;
  try {
    await replaceFile(directory, fileName, seal(stateKey, sealingKey(clusterKey), randomBytes), parts);
  } catch (cause) {
    throw keyFailure(directory, "written", cause);
  }
}

/**
 * `undefined` where there is none, or one that is not of a key's length. Throws `internal` where that cannot be told, as when
 * the process has no file descriptor left: a new key would end every record.
 */
async function readSealed({ directory }: StateKeyParts): Promise<Buffer | undefined> {
  const flag = constants.O_RDONLY | constants.O_NOFOLLOW;
  try {
    const bytes = await readFile(join(directory, fileName), { flag });
    return bytes.length === sealBytes + keyBytes ? bytes : undefined;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw keyFailure(directory, "read", cause);
  }
}

function keyFailure(directory: string, verb: "read" | "written", cause: unknown): ProviderError {
  const { code = "unknown" } = cause as NodeJS.ErrnoException;
  return new ProviderError("internal", `the key in the state directory ${directory} cannot be ${verb} (${code})`, {
    cause,
  });
}

function sealingKey(clusterKey: Redacted<Buffer>): Redacted<Buffer> {
  return deriveKey(clusterKey, keyLabels.stateKey);
}
