import type { Options } from "./options.js";
import { nodeOptions, type ProcessStart } from "./start-refusals.js";

/** For code, classes, volumes and requests, which `limits` do not count: the image's heap leaves them this much and a little more. */
const ownBytes = 24 << 20;

/**
 * Bytes of V8's heap for what lasts: `--max-old-space-size`, of the command line of node before NODE_OPTIONS. V8's own limit,
 * `heapSizeLimit`, counts the young generation too (12 MiB in the image), which holds nothing for long.
 */
export function oldSpaceBytes(
  { env, execArgv }: Pick<ProcessStart, "env" | "execArgv">,
  heapSizeLimit: number,
): number {
  const sizes = [...nodeOptions(env.NODE_OPTIONS ?? ""), ...execArgv].flatMap((option) => {
    const [, mebibytes] = /^--max[-_]old[-_]space[-_]size=(\d{1,9})$/.exec(option) ?? [];
    return mebibytes === undefined ? [] : [Number(mebibytes) * 2 ** 20];
  });
  return Math.min(sizes.at(-1) ?? Infinity, heapSizeLimit);
}

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
