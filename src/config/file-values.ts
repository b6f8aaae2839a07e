import { z } from "zod";
import { parseDuration } from "../shared/duration.js";
import { readOrigin } from "./origin.js";
import { withoutOuterSlashes } from "../shared/slashes.js";

// What a single value of the configuration file may be, and what it means.

type Reading<T> = { value: T } | { mistake: string };

/** Text that means something else. */
function read<T>(reader: (text: string) => Reading<T>, from = text) {
  return from.transform((written, context): T => {
    const reading = reader(written);
    if ("value" in reading) return reading.value;
    context.addIssue({ code: "custom", input: written, message: reading.mistake });
    return z.NEVER;
  });
}

export const text = z
  .string()
  .min(1, "is empty; give it a value or leave it out")
  .refine((written) => !/\p{Cc}/u.test(written), "holds a line break or a control character");

export const whole = (min: number, max: number) =>
  z.int(`must be a whole number`).min(min, `must be at least ${min}`).max(max, `must be at most ${max}`);

export const duration = (minMs: number, maxMs: number, range: string) => {
  const isGood = (ms = Number.NaN) => ms >= minMs && ms <= maxMs;
  const examples = ["500ms", "30s", "2m", "1h30m"].filter((example) => isGood(parseDuration(example))).join(", ");
  // A bare number has no unit; a missing or empty value gets the usual error.
  const durationText = z
    .string({ error: ({ input }) => (typeof input === "number" ? `needs a unit (as in ${examples})` : undefined) })
    .meta({ pattern: "^([0-9]+([.][0-9]+)?(ms|s|m|h))+$" });
  return read((written) => {
    const ms = parseDuration(written);
    if (ms !== undefined && isGood(ms)) return { value: ms };
    return { mistake: `must be a duration from ${range} (as in ${examples})${spacesHint(written)}` };
  }, durationText);
};

const sizeText = z.string().meta({ pattern: "^[0-9]+(|Ki|Mi|Gi)$" });

const sizeUnits: Record<string, number> = { "": 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

function bytesOf(written: string): number {
  const [, amount, unit] = /^(\d{1,15})(|Ki|Mi|Gi)$/.exec(written) ?? [];
  return amount === undefined ? Number.NaN : Number(amount) * sizeUnits[unit!]!;
}

export const size = (min: number, max: number, range: string) => {
  const isGood = (bytes: number) => bytes >= min && bytes <= max;
  const examples = ["65536", "512Ki", "64Mi", "1Gi"].filter((example) => isGood(bytesOf(example))).join(", ");
  return z.union([z.number(), sizeText]).transform((written, context): number => {
    const bytes = bytesOf(String(written));
    if (isGood(bytes)) return bytes;
    const hint = spacesHint(String(written));
    context.addIssue({
      code: "custom",
      input: written,
      message: `must be a size from ${range} (as in ${examples})${hint}`,
    });
    return z.NEVER;
  });
};

function spacesHint(written: string): string {
  return /\s/.test(written) ? "; write it without spaces" : "";
}

export const origin = read((written): Reading<string> => {
  const reading = readOrigin(written);
  return "mistake" in reading ? reading : { value: reading.origin };
});

/** A Vault path without slashes at its ends, as a part of others. */
export const vaultPath = read((written): Reading<string> => {
  const path = withoutOuterSlashes(written);
  const plain = path.split("/").every((step) => !/^\.{0,2}$/.test(step)) && !/[?#\\%]/.test(path);
  return plain || path === ""
    ? { value: path }
    : { mistake: 'is not a plain path (no empty step, "..", "?", "#", "%", "\\")' };
});

/** `HOST:PORT`, `:PORT` or `[IPV6]:PORT`. */
export const listenAddress = read((written): Reading<{ host?: string; port: number }> => {
  const [, ipv6, host, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]*)):(\d{1,5})$/.exec(written) ?? [];
  if (port === undefined || Number(port) > 65_535) return { mistake: "must be HOST:PORT or :PORT" };
  const name = ipv6 ?? host;
  return { value: name ? { host: name, port: Number(port) } : { port: Number(port) } };
});

/** A Kubernetes Secret, `NAMESPACE/NAME`, or `NAME` in keymount's own namespace. */
export const secretName = read((written): Reading<{ namespace?: string; name: string }> => {
  const [, namespace, name] = /^(?:([a-z0-9-]{1,63})\/)?([a-z0-9][a-z0-9.-]{0,252})$/.exec(written) ?? [];
  if (name === undefined) return { mistake: "must be NAMESPACE/NAME or NAME of a Kubernetes Secret" };
  return { value: namespace === undefined ? { name } : { namespace, name } };
});
