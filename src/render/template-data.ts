import { Drop } from "liquidjs";
import { parseExactJson } from "../shared/exact-json.js";
import { type Json, type JsonObject, isJsonNumber, isJsonObject } from "../shared/json.js";

/** A number that JavaScript would round: it prints as Vault wrote it. */
export class Digits extends Drop {
  readonly #text: string;

  constructor(text: string) {
    super();
    this.#text = text;
  }

  override valueOf(): string {
    return this.#text;
  }
}

/** What a template sees of a JSON value: numbers are numbers where that keeps their digits; nothing has a prototype. */
export type TemplateValue = null | boolean | string | number | Digits | TemplateValue[] | TemplateMap;

export interface TemplateMap {
  [name: string]: TemplateValue;
}

/**
 * The variables of a template: the keys of the object's own secret, all of them in `data` once more, its metadata in `meta`,
 * and every source by its name. A source wins over `data`, that over a key, and a key over `meta`.
 */
export function variablesOf(data: string): TemplateMap {
  const { own, sources } = parseExactJson(Buffer.from(data)) as unknown as TemplateSecrets;
  const variables = emptyMap();
  if (own) Object.assign(withMetadata(variables, own), { data: mapOf(own.data) });
  for (const [name, source] of Object.entries(sources)) variables[name] = withMetadata(emptyMap(), source);
  return variables;
}

/** What `TemplateTask.data` is the JSON of. */
interface TemplateSecrets {
  own: Secret | null;
  sources: Record<string, Secret>;
}

interface Secret {
  data: JsonObject;
  meta: JsonObject | null;
}

/** Adds a secret's keys, and `meta` unless it is one of them: what lists the keys does not come upon it. */
function withMetadata(variables: TemplateMap, { data, meta }: Secret): TemplateMap {
  Object.assign(variables, mapOf(data));
  if (meta && !Object.hasOwn(data, "meta"))
    Object.defineProperty(variables, "meta", { value: mapOf(meta), writable: true });
  return variables;
}

/** A number with more digits than JavaScript's have is an object too. */
export function isMap(value: TemplateValue | undefined): value is TemplateMap {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Digits);
}

/** A JSON value as a template sees it. */
export function templateValue(value: Json): TemplateValue {
  if (isJsonNumber(value)) {
    const text = value.toString();
    return String(Number(text)) === text ? Number(text) : new Digits(text);
  }
  if (Array.isArray(value)) return value.map(templateValue);
  return isJsonObject(value) ? mapOf(value) : value;
}

function mapOf(object: JsonObject): TemplateMap {
  const map = emptyMap();
  for (const [name, inner] of Object.entries(object)) map[name] = templateValue(inner);
  return map;
}

function emptyMap(): TemplateMap {
  return Object.create(null) as TemplateMap;
}

/** JSON as it is commonly written, names sorted; on lines of their own with `indent` spaces a step. Accepts every value that a template can produce. */
export function jsonOf(value: unknown, indent?: number, depth = 0): string {
  if (value instanceof Digits) return value.valueOf();
  const inner = (one: unknown) => jsonOf(one, indent, depth + 1);
  const lineOf = (steps: number) => (indent === undefined ? "" : `\n${" ".repeat(indent * steps)}`);
  const enclosed = (open: string, parts: string[], close: string) =>
    parts.length === 0
      ? open + close
      : `${open}${parts.map((part) => lineOf(depth + 1) + part).join(",")}${lineOf(depth)}${close}`;
  if (Array.isArray(value)) return enclosed("[", value.map(inner), "]");
  if (typeof value === "object" && value !== null) {
    const colon = indent === undefined ? ":" : ": ";
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return enclosed(
      "{",
      members.map(([name, one]) => JSON.stringify(name) + colon + inner(one)),
      "}",
    );
  }
  return JSON.stringify(value) ?? "null";
}

/** A value within a text: a string as it is, nothing for null, a map or list as JSON. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : jsonOf(value);
}
