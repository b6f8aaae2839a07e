import type { Said } from "./said.js";

export type Data = Record<string, unknown>;

/** The file's data with the environment and flags laid over it. */
export interface Overlaid {
  data: Data;
  /** By dotted path: the flag or variable that a value comes from. */
  sources: ReadonlyMap<string, string>;
  /** For the log: what the file says and a flag or variable overrules. */
  overruled: readonly string[];
}

/** Keys of which one can be meant only. */
const rivals = [
  ["endpoint", "socketDir"],
  ["keyFile", "keySecret"],
] as const;

/**
 * Lays what was said over the file's data, the last layer on top. Settings of a connection go to the default one, which
 * is made where the file has none and an address is given. A key silences its rival of the layers below.
 */
export function overlay(file: Data, layers: readonly (readonly Said[])[], mistakes: string[]): Overlaid {
  const data = structuredClone(file);
  const sources = new Map<string, string>();
  const overruled: string[] = [];
  const name = defaultName(data);
  const toConnect = name in connectionsOf(data) || layers.flat().some(({ key }) => key.endsWith(".addresses"));
  mistakes.push(...quarrels(new Map(Object.keys(file).map((key) => [key, key]))));
  for (const layer of layers) {
    mistakes.push(...quarrels(new Map(layer.map(({ key, source }) => [key, source]))));
    for (const { key, value, source } of layer) {
      if (key.startsWith("connections.") && !toConnect) continue;
      const path = key.replace("NAME", () => name);
      for (const pair of rivals.filter((pair) => pair.some((one) => one === key))) {
        for (const rival of pair) if (rival !== key) delete data[rival];
      }
      const before = put(
        data,
        key.split(".").map((step) => (step === "NAME" ? name : step)),
        value,
      );
      if (before !== undefined && !sources.has(path)) overruled.push(`${source} wins over the file's ${path}`);
      sources.set(path, source);
    }
  }
  return { data, sources, overruled };
}

/** The connection that flags and variables speak of, and that classes mean which name none. */
export function defaultName(data: Data): string {
  return typeof data.default === "string" ? data.default : (Object.keys(connectionsOf(data))[0] ?? "default");
}

export function isMap(value: unknown): value is Data {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function connectionsOf({ connections }: Data): Data {
  return isMap(connections) ? connections : {};
}

/** `said`: what one layer says, and how its user calls it. */
function quarrels(said: ReadonlyMap<string, string>): string[] {
  return rivals
    .filter((pair) => pair.every((key) => said.has(key)))
    .map((pair) => `${pair.map((key) => said.get(key)).join(" and ")} cannot both be given; keep one`);
}

/** Gives what was there. A place whose surroundings are no maps stays as it is: the schema complains of those. */
function put(data: Data, [step = "", ...rest]: readonly string[], value: unknown): unknown {
  const before = Object.hasOwn(data, step) ? data[step] : undefined;
  if (rest.length === 0) data[step] = value;
  else if (before === undefined) put((data[step] = {}), rest, value);
  else return isMap(before) ? put(before, rest, value) : undefined;
  return before;
}
