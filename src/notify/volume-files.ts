import { watch } from "node:fs";
import { readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { ProviderError } from "../shared/errors.js";
import { fileFault } from "../shared/file-fault.js";

/** A volume as it is mounted. */
export interface VolumeFiles {
  /**
   * Target of the link `..data`; `undefined` where there is nothing yet. Throws `invalid_request` for what never gets one: a
   * file, a directory mounted by subPath.
   */
  dataOf(directory: string): Promise<string | undefined>;
  /** Calls `onEvent` at anything that happens in the directory. Throws, or calls `onError` later, where it cannot. */
  watch(directory: string, onEvent: () => void, onError: (error: Error) => void): VolumeWatcher;
}

export interface VolumeWatcher {
  close(): void;
}

export const volumeFiles: VolumeFiles = {
  dataOf: async (directory) => {
    try {
      return await readlink(join(directory, "..data"));
    } catch (error) {
      return await whyNoData(directory, error as NodeJS.ErrnoException);
    }
  },
  watch: (directory, onEvent, onError) => watch(directory, onEvent).on("error", onError),
};

async function whyNoData(directory: string, fault: NodeJS.ErrnoException): Promise<undefined> {
  if (fault.code === "ENOTDIR") throw neverChanges(`${directory} is a file`);
  if (fault.code !== "ENOENT") {
    const why = fault.code === "EINVAL" ? "its ..data is no link" : fileFault(fault);
    throw new ProviderError("invalid_request", `${directory} cannot be watched: ${why}`, { cause: fault });
  }
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  // What a volume shows are links into ..data; the names of its own files begin with two dots.
  if (entries.some((entry) => !entry.name.startsWith("..") && !entry.isSymbolicLink())) {
    throw neverChanges(`${directory} has files, but no ..data`);
  }
  return undefined;
}

function neverChanges(what: string): ProviderError {
  return new ProviderError(
    "invalid_request",
    `${what}: what Kubernetes mounts by subPath never changes; mount the whole volume, without subPath, and name its directory`,
  );
}
