import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

const at = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const values = parse(at("deploy/chart/values.yaml")) as Record<string, unknown>;
const schema = JSON.parse(at("deploy/chart/values.schema.json")) as Schema;
const page = at("docs/install.md");

interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | object;
}

/** Path → default of every value that is no map with something in it. */
function leaves(map: Record<string, unknown>, path = ""): [string, unknown][] {
  return Object.entries(map).flatMap(([name, value]) => {
    const here = path === "" ? name : `${path}.${name}`;
    const isMap = typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
    return isMap ? leaves(value as Record<string, unknown>, here) : [[here, value] as [string, unknown]];
  });
}

test("docs/install.md tells each value of the chart and its default, and no others", () => {
  const rows = [...page.matchAll(/^\| `([^`]+)` \| `([^`]+)` \|/gm)].map(([, path, value]) => `${path} = ${value}`);
  expect(rows).toEqual(leaves(values).map(([path, value]) => `${path} = ${JSON.stringify(value)}`));
});

describe("values.schema.json", () => {
  test("knows every value", () => {
    const unknown = leaves(values).filter(([path]) => !isKnown(schema, path.split(".")));
    expect(unknown).toEqual([]);
  });

  test("refuses what it does not know, but in maps that are free", () => {
    const open = openMaps(schema);
    expect(open).toEqual(["resources", "affinity", "global"]);
  });
});

/** Within a map whose keys are free, every path is known. */
function isKnown({ properties, additionalProperties }: Schema, [name, ...rest]: string[]): boolean {
  if (!properties) return additionalProperties !== false;
  const next = properties[name!];
  return next !== undefined && (rest.length === 0 || isKnown(next, rest));
}

function openMaps({ type, properties, additionalProperties }: Schema, path = ""): string[] {
  const here = type === "object" && (additionalProperties === undefined || additionalProperties === true) ? [path] : [];
  const inside = Object.entries(properties ?? {}).flatMap(([name, one]) =>
    openMaps(one, path === "" ? name : `${path}.${name}`),
  );
  return [...here, ...inside];
}
