import { readFileSync } from "node:fs";
import { z } from "zod";
import { operatorFile } from "../../src/config/configuration-file.js";

export type Schema = { [key: string]: unknown };

const page = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");

/** JSON Schema (draft 7) of the configuration file as `serve` reads it, with the meanings of docs/configuration.md. */
export function configurationSchema(): Schema {
  const schema = z.toJSONSchema(operatorFile, {
    target: "draft-7",
    io: "input",
    // What refuses unknown keys one by one, each at its place, is no type.
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === "object") jsonSchema.additionalProperties = false;
      if (jsonSchema.type === "object") delete jsonSchema.default;
    },
  }) as Schema;
  const described = describe(schema, "", meanings());
  return { ...described, title: "keymount.yaml: the configuration file of keymount (docs/configuration.md)" };
}

/** For the chart: a connection in `config` may be a part of one that other values make. */
export function withoutRequired(schema: Schema): Schema {
  const kept = Object.entries(schema).filter(([keyword]) => !["$schema", "title", "required"].includes(keyword));
  return mapSchemas(Object.fromEntries(kept), withoutRequired);
}

/** By key, as the page writes it: `connections.NAME.tls.caFile`. */
function meanings(): Map<string, string> {
  const rows = [...page.matchAll(/^\| `([A-Za-z.]+)` \| [^|]+ \| ([^\n]+) \|$/gm)];
  return new Map(rows.map(([, key, meaning]) => [key!, plain(meaning!)]));
}

/** Without the markup of links and code. */
function plain(meaning: string): string {
  return meaning.replace(/\[([^\][]*)\]\([^()]*\)/g, "$1").replaceAll("`", "");
}

function describe(schema: Schema, key: string, meanings: ReadonlyMap<string, string>): Schema {
  const description = meanings.get(key);
  return { ...(description !== undefined && { description }), ...describeBelow(schema, key, meanings) };
}

function describeBelow(schema: Schema, key: string, meanings: ReadonlyMap<string, string>): Schema {
  return mapSchemas(schema, (inner, name) => {
    if (name === "") return describeBelow(inner, key, meanings);
    return describe(inner, key === "" ? name : `${key}.${name}`, meanings);
  });
}

/** With each schema of a property, of the values of a map (`NAME`), and of the forms and items of one value (no name), replaced. */
function mapSchemas(schema: Schema, replace: (inner: Schema, name: string) => Schema): Schema {
  const { properties, additionalProperties: values, anyOf, items } = schema;
  const replaced = Object.entries((properties ?? {}) as Record<string, Schema>).map(([name, inner]) => [
    name,
    replace(inner, name),
  ]);
  return {
    ...schema,
    ...(properties !== undefined && { properties: Object.fromEntries(replaced) as Schema }),
    ...(Array.isArray(anyOf) && { anyOf: anyOf.map((form: Schema) => replace(form, "")) }),
    ...(typeof items === "object" && { items: replace(items as Schema, "") }),
    ...(typeof values === "object" && { additionalProperties: replace(values as Schema, "NAME") }),
  };
}
