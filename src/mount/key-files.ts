import { ProviderError } from "../shared/errors.js";
import { named, namesThereAre, quoted } from "../shared/quoted.js";
import { isGlob, matchesGlob } from "./glob.js";
import type { KeyFiles } from "./mount-spec.js";
import { objectNameMistake } from "./object-name.js";

/** More than any program reads one by one. */
const mostFiles = 1_000;

/** Every pattern is tried on every key, and no other request is served meanwhile. */
const mostMatches = 10_000;

/** Of the lengths of keys times those of patterns: some nanoseconds each. */
const mostSteps = 10_000_000;

/** Bytes of a file's name; a longer key can be none. */
const longestName = 255;

/**
 * Which key goes into which file, for an object that gives every key a file of its own: sorted by key. Refuses a key whose
 * name is no safe file name, what matches nothing, and two keys for one file, each by name, at the `location` of the data.
 * `hasSlash` tells whether a key has a slash within, which no file's name has.
 */
export function filesOfKeys(
  folder: string,
  all: Iterable<string>,
  { keys, rename }: KeyFiles,
  location: string,
  hasSlash: (key: string) => boolean,
): { key: string; path: string }[] {
  const there = [...all].sort();
  const chosen = chosenOf(there, keys, location);
  const idle = [
    ...chosen.idle.map((pattern) => `keys ${quoted(pattern)}`),
    ...[...rename.keys()].filter((key) => !chosen.keys.has(key)).map((key) => `rename ${quoted(key)}`),
  ];
  if (chosen.keys.size === 0 || idle.length > 0) throw withoutMatch(idle, there, location);
  if (chosen.keys.size > mostFiles) throw tooMany(`${chosen.keys.size} keys, more than ${mostFiles} files`, location);
  const files = [...chosen.keys].map((key) => {
    const renamed = rename.get(key);
    const mistake =
      renamed === undefined && hasSlash(key) ? "has a slash in it" : objectNameMistake(folder + (renamed ?? key));
    if (mistake) throw invalidKeys(`the key ${quoted(key)} at ${location} is no file name: it ${mistake}`);
    return { key, path: folder + (renamed ?? key) };
  });
  const owners = new Map<string, string>();
  for (const { key, path } of files) {
    const other = owners.get(path);
    if (other !== undefined)
      throw invalidKeys(`the keys ${named(other)} and ${named(key)} at ${location} are both the file ${quoted(path)}`);
    owners.set(path, key);
  }
  return files;
}

/**
 * The keys that are named or matched, in order, and what of `patterns` matches none. A pattern matches no key that is too
 * long for a file's name. Throws `limit_exceeded` where trying the patterns would take too long.
 */
function chosenOf(
  there: readonly string[],
  patterns: readonly string[],
  location: string,
): { keys: ReadonlySet<string>; idle: string[] } {
  if (patterns.length === 0) return { keys: new Set(there), idle: [] };
  const known = new Set(there);
  const names = new Set(patterns.filter((pattern) => known.has(pattern)));
  const globs = patterns.filter((pattern) => !known.has(pattern) && isGlob(pattern));
  const short = there.filter((key) => key.length <= longestName);
  if (globs.length * short.length > mostMatches || lengthOf(globs) * lengthOf(short) > mostSteps)
    throw tooMany(`${there.length} keys, too many to try ${globs.length} patterns on`, location);
  const matching = new Set<string>();
  const keys = there.filter((key) => {
    const matched = key.length > longestName ? [] : globs.filter((glob) => matchesGlob(glob, key));
    for (const glob of matched) matching.add(glob);
    return matched.length > 0 || names.has(key);
  });
  return { keys: new Set(keys), idle: patterns.filter((pattern) => !names.has(pattern) && !matching.has(pattern)) };
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}

function tooMany(what: string, location: string): ProviderError {
  return new ProviderError("limit_exceeded", `${location} has ${what}; choose some by their names with keys`);
}

function invalidKeys(why: string): ProviderError {
  return new ProviderError("invalid_request", `${why}; give it another with rename, or choose others with keys`);
}

function withoutMatch(idle: readonly string[], there: readonly string[], location: string): ProviderError {
  const what =
    idle.length === 0
      ? "there is no key"
      : `${idle.slice(0, 10).join(", ")} ${idle.length > 1 ? "match" : "matches"} no key`;
  return new ProviderError("not_found", `${what} at ${location} (it has: ${namesThereAre(there)})`);
}
