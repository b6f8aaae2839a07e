import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";

const at = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const files = execFileSync("git", ["ls-files"], { cwd: new URL("..", import.meta.url), encoding: "utf8" }).split("\n");
const pages = files.filter((file) => /^(docs\/)?[\w-]+\.md$|^(e2e|bench|fuzz|deploy\/chart)\/README\.md$/.test(file));

interface Named {
  page: string;
  name: string;
}

/** What stands in backticks on each page, outside blocks of code, and the words of these blocks. */
const quoted: Named[] = pages.flatMap((page) => {
  const prose = at(page).replaceAll(/```[\s\S]*?```/g, "");
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, name]) => ({ page, name: name! }));
});

test("each file of this repository that a page names is there", () => {
  const inSource = files.map((file) => file.replace(/^(src|e2e|e2e\/cluster)\//, ""));
  const known = new Set([...files, ...inSource]);
  const names = new Set(files.map((file) => basename(file)));
  const named = quoted.filter(({ name }) => /^[\w./-]+\.(ts|js|sh|md|json|mod|proto|tpl)$/.test(name));
  expect(named.length).toBeGreaterThan(100);
  const built = /^(dist|\/|keymount(-worker|-dev)?\.js$)/;
  const isThere = ({ name }: Named) => known.has(name) || (!name.includes("/") && names.has(name)) || built.test(name);
  expect(named.filter((each) => !isThere(each))).toEqual([]);
});

test("each npm script that a page names is one of package.json", () => {
  const { scripts } = JSON.parse(at("package.json")) as { scripts: object };
  const named = pages.flatMap((page) =>
    [...at(page).matchAll(/npm run (?:--silent )?(\w+)/g)].map(([, name]) => ({ page, name: name! })),
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter(({ name }) => !Object.hasOwn(scripts, name))).toEqual([]);
});

test("each metric that a page names is one of docs/metrics.md, which follows the code", () => {
  const metrics = new Set([...at("docs/metrics.md").matchAll(/^\| `(keymount_\w+)` \|/gm)].map(([, name]) => name));
  const named = pages.flatMap((page) =>
    [...at(page).matchAll(/\bkeymount_[a-z_]+/g)].map(([name]) => ({
      page,
      name: name.replace(/_(bucket|sum|count)$/, ""),
    })),
  );
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter(({ name }) => !metrics.has(name))).toEqual([]);
});

interface Schema {
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  anyOf?: Schema[];
  items?: Schema;
}

function isSetting(schema: Schema, [name, ...rest]: string[]): boolean {
  if (name === undefined) return true;
  const { properties = {}, additionalProperties, anyOf = [], items } = schema;
  const next = properties[name] ?? (typeof additionalProperties === "object" ? additionalProperties : undefined);
  const within = [...anyOf, ...(items ? [items] : [])];
  return (next !== undefined && isSetting(next, rest)) || within.some((each) => isSetting(each, [name, ...rest]));
}

test("each setting of the file and of the chart that a page names is one", () => {
  const file = JSON.parse(at("deploy/keymount.schema.json")) as Schema;
  const values = JSON.parse(at("deploy/chart/values.schema.json")) as Schema;
  const defaults = parse(at("deploy/chart/values.yaml")) as object;
  const first = new Set([...Object.keys(file.properties ?? {}), ...Object.keys(defaults)]);
  const named = quoted
    .map(({ page, name }) => ({ page, name: name.replace(/: .*/, "") }))
    .filter(({ name }) => /^[a-zA-Z]+(\.[\w-]+)+$/.test(name) && first.has(name.split(".")[0]!))
    // Values of other charts, problems that doctor finds, files.
    .filter(({ page, name }) => page !== "docs/migration.md" && !/^resources\.|\.log$/.test(name))
    .filter(({ page, name }) => page !== "docs/doctor.md" || !name.startsWith("vault."));
  expect(named.length).toBeGreaterThan(100);
  const connection = file.properties?.["connections"]?.additionalProperties as Schema;
  const isKnown = ({ name }: Named) => [file, values, connection].some((schema) => isSetting(schema, name.split(".")));
  expect(named.filter((each) => !isKnown(each))).toEqual([]);
});
