import { type Answer, missing } from "./answer.js";

/** The names directly below a path, folders with a slash, as LIST answers them. Throws the 404 of an empty list. */
export function listBelow(paths: Iterable<string>, path: string): Answer {
  const folder = path === "" || path.endsWith("/") ? path : `${path}/`;
  const below = [...paths].filter((name) => name.startsWith(folder)).map((name) => name.slice(folder.length));
  const keys = [...new Set(below.map((name) => name.replace(/\/.*/, "/")))].filter((name) => name !== "").sort();
  if (keys.length === 0) throw missing();
  return { data: { keys } };
}
