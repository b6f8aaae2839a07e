import { ProviderError } from "../shared/errors.js";
import { fileFault } from "../shared/file-fault.js";
import type { CommandIo } from "./command-io.js";
import { tokenInFile } from "./token-request-file.js";

/** A whole file, or with `-` the standard input. Throws `invalid_request` where it cannot be read. */
export async function readText(path: string, io: CommandIo): Promise<string> {
  return io.readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new ProviderError("invalid_request", `cannot read ${path}: ${fileFault(error)}`);
  });
}

/** The service account token in a file. Throws `invalid_request` where there is none. */
export async function readToken(path: string, io: CommandIo): Promise<string> {
  const text = await readText(path, io);
  const token = (text.includes("TokenRequest") && tokenInFile(text)) || text.trim();
  if (token === "") throw new ProviderError("invalid_request", `${path} is empty: no service account token is in it`);
  return token;
}
