import { ProviderError } from "../shared/errors.js";
import { named } from "../shared/quoted.js";
import { TextWriter } from "../shared/text-writer.js";
import type { MountedFile } from "./mount-spec.js";

/** Tags, lengths, the version's id and hash: what a file costs on the wire beyond its path (twice, as path and id) and bytes. */
const overheadPerFile = 80;

/**
 * The response's bytes on the wire, nearly. Throws `limit_exceeded` when they are more than the driver takes: it would
 * fail with RESOURCE_EXHAUSTED (`--max-call-recv-msg-size`, 4 MiB by default), after which driver 1.6 with rotation
 * starts the pod with an empty volume. Throws when there is no file at all, which the driver would take for a success.
 */
export function fitsTheDriver(files: readonly MountedFile[], responseBytes: number): number {
  if (files.length === 0)
    throw new ProviderError(
      "invalid_request",
      "the class yields no file, and a volume without files is no use to a pod",
    );
  const sizes = files.map(({ path, contents }) => ({ path, bytes: contents.reveal().length }));
  const total = wireBytes(files);
  if (total <= responseBytes) return total;
  const largest = sizes.sort((a, b) => b.bytes - a.bytes).slice(0, 3);
  throw new ProviderError(
    "limit_exceeded",
    `the files of this volume are ${total} bytes, more than the ${responseBytes} that fit one answer to the driver; ` +
      `the largest: ${largest.map(({ path, bytes }) => `${named(path)} (${bytes})`).join(", ")}; put them into several classes and volumes`,
  );
}

/**
 * For a file whose text is longer than what it is made of. Throws `limit_exceeded` for what would fit no answer to the driver,
 * before that is allocated.
 */
export function fileWriter(responseBytes: number): TextWriter {
  return new TextWriter(
    responseBytes,
    () =>
      new ProviderError(
        "limit_exceeded",
        `the file is longer than the ${responseBytes} bytes that fit one answer to the driver; choose one value with secretKey, or another format`,
      ),
  );
}

/** What files are on the wire, nearly. */
export function wireBytes(files: readonly MountedFile[]): number {
  return files.reduce(
    (sum, { path, contents }) => sum + contents.reveal().length + 2 * Buffer.byteLength(path) + overheadPerFile,
    0,
  );
}
