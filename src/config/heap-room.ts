import type { Options } from "./options.js";

/** For code, classes, volumes and requests, which `limits` do not count: the image's heap leaves them this much and a little more. */
const ownBytes = 24 << 20;

/**
 * Why V8's heap of so many bytes cannot hold what the limits allow: a full heap ends the process without a word, and with
 * it what all pods of the node are served.
 */
export function heapMistakes({ bytes, inFlightBytes }: Options["limits"], heapBytes: number): string[] {
  const most = heapBytes - ownBytes;
  if (bytes + inFlightBytes <= most) return [];
  return [
    `limits.bytes and limits.inFlightBytes are ${mebibytes(bytes + inFlightBytes)} together, and Node's heap of ${mebibytes(heapBytes)} has room for ${mebibytes(Math.max(0, most))}; lower them, or raise the heap (the chart's heapMiB, else node's --max-old-space-size)`,
  ];
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)}Mi`;
}
