import { parseArgs } from "node:util";
import { nearest } from "../shared/spelling.js";
import { commandFlags, olderFlags, settings } from "./settings.js";

/** Flags as given, by their own name; a flag that takes no value has `true` or `false`. */
export interface Flags {
  given: ReadonlyMap<string, string>;
  mistakes: readonly string[];
}

const withValue = new Set([
  ...settings.filter(({ value }) => value !== undefined).flatMap(({ flags }) => flags),
  ...Object.keys(olderFlags).filter((name) => olderFlags[name]!.value),
]);
const known: ReadonlySet<string> = new Set([
  ...settings.flatMap(({ flags }) => flags),
  ...Object.keys(olderFlags),
  ...commandFlags,
]);

/**
 * Reads flags as Go's flag package does, on which the older providers stand: one dash or two, `-flag=value` or
 * `-flag value`, `-flag` or `-flag=true` for those without a value; the last of equal flags counts. Values are never
 * repeated in a mistake.
 */
export function readFlags(argv: readonly string[]): Flags {
  const options = Object.fromEntries(
    [...known].map((name) => [name, { type: withValue.has(name) ? "string" : "boolean" } as const]),
  );
  const { tokens } = parseArgs({ args: argv.map(withTwoDashes), options, strict: false, tokens: true });
  const given = new Map<string, string>();
  const mistakes: string[] = [];
  for (const token of tokens) {
    if (token.kind === "option") readOption(token, given, mistakes);
    else if (token.kind === "positional") mistakes.push(`argument ${token.index + 1} belongs to no flag`);
  }
  return { given, mistakes };
}

/** `-endpoint` is one flag, not eight. */
function withTwoDashes(argument: string): string {
  const [, name] = /^-([a-z][a-z-]*)(?:=|$)/.exec(argument) ?? [];
  return name !== undefined && (known.has(name) || name.length > 1) ? `-${argument}` : argument;
}

interface OptionToken {
  name: string;
  value: string | undefined;
  inlineValue: boolean | undefined;
}

function readOption({ name, value, inlineValue }: OptionToken, given: Map<string, string>, mistakes: string[]): void {
  if (!known.has(name)) {
    const meant = nearest(name, known);
    const shown = /^[A-Za-z0-9_-]{1,40}$/.test(name) ? `--${name}` : "a flag";
    mistakes.push(`${shown} is not known${meant ? `; did you mean --${meant}?` : ""}`);
  } else if (withValue.has(name)) {
    const missing = value === undefined || (!inlineValue && value.startsWith("-"));
    if (missing) mistakes.push(`--${name} needs a value`);
    else given.set(name, value);
  } else {
    const truth = truthOf(value ?? "true");
    if (truth === undefined) mistakes.push(`--${name} is true or false`);
    else given.set(name, truth);
  }
}

/** As Go's strconv.ParseBool reads it. */
function truthOf(value: string): string | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return "true";
  return /^(0|f|F|FALSE|false|False)$/.test(value) ? "false" : undefined;
}
