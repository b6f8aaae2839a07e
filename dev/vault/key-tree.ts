import { type Answer, missing } from "./answer.js";

/** All names below a path, as OpenBao answers SCAN. Throws the 404 of an empty list. */
export function scanBelow(paths: Iterable<string>, path: string): Answer {
  return keysOf(namesBelow(paths, path));
}

/** The names directly below a path, folders with a slash, as LIST answers them. Throws the 404 of an empty list. */
export function listBelow(paths: Iterable<string>, path: string): Answer {
  return keysOf(namesBelow(paths, path).map((name) => name.replace(/\/.*/, "/")));
}

function namesBelow(paths: Iterable<string>, path: string): string[] {
  const folder = path === "" || path.endsWith("/") ? path : `${path}/`;
  return [...paths].filter((name) => name.startsWith(folder)).map((name) => name.slice(folder.length));
}

function keysOf(names: readonly string[]): Answer {
  const keys = [...new Set(names)].filter((name) => name !== "").sort();
  if (keys.length === 0) throw missing();
  return { data: { keys } };
}
