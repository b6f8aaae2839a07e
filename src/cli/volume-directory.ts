import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { ProviderError } from "../shared/errors.js";
import { fileFault } from "../shared/file-fault.js";
import { makeDirectory } from "./make-directory.js";

/**
 * Makes the directory where it is missing. A directory with other things in it is refused, because the driver's writer
 * removes what is in its way.
 */
export async function prepareVolume(directory: string): Promise<void> {
  try {
    await makeDirectory(resolve(directory), 0o750);
    const there = await readdir(directory);
    if (there.length === 0 || there.includes("..data")) return;
  } catch (error) {
    const fault = error as NodeJS.ErrnoException;
    const why = faults[fault.code ?? ""] ?? fileFault(fault);
    throw new ProviderError("invalid_request", `--out ${directory} cannot be used: ${why}`, { cause: error });
  }
  throw new ProviderError(
    "invalid_request",
    `--out ${directory} holds other files, and the driver removes what is in its way; name an empty directory`,
  );
}

/** Where a directory is to be made, these mean something else than to a reader of files. */
const faults: Readonly<Record<string, string>> = {
  EEXIST: "it is a file, or below one",
  ENOTDIR: "it is a file, or below one",
  ENOENT: "no directory can be made there",
};
