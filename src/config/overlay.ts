import type { SettingValue } from "./setting-value.js";

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
const rivals: readonly (readonly string[])[] = [
  ["endpoint", "socketDir"],
  ["keyFile", "keySecret"],
];

/**
 * Lays what was said over the file's data, the last layer on top. Settings of a connection go to the default one, which
 * is made where the file has none and an address is given. A key silences its rival of the layers below.
 */
export function overlay(file: Data, layers: readonly (readonly SettingValue[])[], mistakes: string[]): Overlaid {
  const name = defaultName(file);
  const known = Object.keys(connectionsOf(file));
  const addressed = layers.flat().some(({ key }) => key.endsWith(".addresses"));
  const toConnect = known.includes(name) || (known.length === 0 && addressed);
  const sources = new Map<string, string>();
  const overruled: string[] = [];
  let data = file;
  mistakes.push(...quarrels(new Map(Object.keys(file).map((key) => [key, key]))));
  for (const layer of layers) {
    mistakes.push(...quarrels(new Map(layer.map(({ key, source }) => [key, source]))));
    for (const { key, value, source } of layer) {
      if (key.startsWith("connections.") && !toConnect) continue;
      const path = key.split(".").map((step) => (step === "NAME" ? name : step));
      if (isSaid(file, path) && !sources.has(path.join(".")))
        overruled.push(`${source} wins over the file's ${path.join(".")}`);
      data = put(withoutRivals(data, key), path, value);
      sources.set(path.join("."), source);
    }
  }
  return { data, sources, overruled };
}

/**
 * The connection that flags and variables speak of, and that classes mean which name none: the one named so, else the only
 * one. The order of several does not count, for tools that render YAML sort its keys (helm's `toYaml`).
 */
export function defaultName(data: Data): string {
  if (typeof data.default === "string") return data.default;
  const names = Object.keys(connectionsOf(data));
  return names.length === 1 ? names[0]! : "default";
}

export function isMap(value: unknown): value is Data {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function connectionsOf({ connections }: Data): Data {
  return isMap(connections) ? connections : {};
}

/** `said`: what one layer says, and how its user calls it. */
function quarrels(said: ReadonlyMap<string, string>): string[] {
  return rivals
    .filter((pair) => pair.every((key) => said.has(key)))
    .map((pair) => `${pair.map((key) => said.get(key)).join(" and ")} cannot both be given; keep one`);
}

function withoutRivals(data: Data, key: string): Data {
  const silenced = rivals.filter((pair) => pair.includes(key)).flat();
  return Object.fromEntries(Object.entries(data).filter(([other]) => !silenced.includes(other)));
}

function isSaid(data: unknown, [step = "", ...rest]: readonly string[]): boolean {
  if (!isMap(data) || !Object.hasOwn(data, step)) return false;
  return rest.length === 0 || isSaid(data[step], rest);
}

/** A copy, for YAML's anchors may have one map in two places. What is no map stays: the schema complains of it. */
function put(data: Data, [step = "", ...rest]: readonly string[], value: unknown): Data {
  if (rest.length === 0) return { ...data, [step]: value };
  const inner = Object.hasOwn(data, step) ? data[step] : {};
  return { ...data, [step]: isMap(inner) ? put(inner, rest, value) : inner };
}
