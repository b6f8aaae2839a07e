import { posix } from "node:path";
import { ProviderError } from "../shared/errors.js";
import { quoted } from "../shared/quoted.js";

const longestPath = 4096;
const longestElement = 255;

/**
 * Throws `invalid_request` for a path the driver does not write (driver 1.6.0 writer.go Validate, atomic_writer.go
 * validatePath), and for `.`, which it takes and then empties the whole volume.
 */
export function checkPayloadPath(path: string): void {
  const fault = faultOf(path);
  if (fault) throw new ProviderError("invalid_request", `the driver does not write the file ${quoted(path)}: ${fault}`);
}

function faultOf(path: string): string | undefined {
  const elements = path.split("/");
  if (path === "") return "its path is empty";
  if (path.startsWith("/")) return "its path is absolute";
  if (Buffer.byteLength(path) > longestPath) return `its path is longer than ${longestPath} bytes`;
  if (elements.includes("..")) return 'its path holds the element ".."';
  if (elements.some((element) => Buffer.byteLength(element) > longestElement)) {
    return `an element of its path is longer than ${longestElement} bytes`;
  }
  if (path.startsWith("..")) return 'its path starts with ".."';
  if (path.endsWith("/") || path === "." || posix.normalize(path) !== path)
    return "its path is not in its shortest form";
  return undefined;
}
