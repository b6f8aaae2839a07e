import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { prefixedParameters, plainParameters } from "../mount/class-parameters.js";
import { objectFields } from "../mount/object-fields.js";
import { commandTable } from "./command-table.js";

const root = new URL("../../", import.meta.url);
const doc = readFileSync(new URL("docs/migration.md", root), "utf8");
const values = parse(readFileSync(new URL("deploy/chart/values.yaml", root), "utf8")) as Record<string, unknown>;

/** Cells of the tables below a heading, without headers and rules. */
function rowsBelow(heading: string): string[][] {
  const section = doc.split(/^## /m).find((one) => one.startsWith(heading)) ?? "";
  const rows = [...section.matchAll(/^\|(.+)\|$/gm)].map(([, row]) => row!.split("|").map((cell) => cell.trim()));
  return rows.slice(rows.findIndex(([first]) => /^-+$/.test(first!)) + 1);
}

const codeIn = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);

function hasValue(path: string): boolean {
  let at: unknown = values;
  for (const step of path.split(".")) {
    if (typeof at !== "object" || at === null || !(step in at)) return false;
    at = (at as Record<string, unknown>)[step];
  }
  return true;
}

describe("docs/migration.md", () => {
  test("lists every option of keymount migrate, and no other", () => {
    const documented = rowsBelow("The file").flatMap(([first]) =>
      codeIn(first!).filter((code) => code.startsWith("--")),
    );
    const told = Object.keys(commandTable.migrate.options).map((option) => `--${option}`);
    expect(documented.sort()).toEqual(told.sort());
  });

  test("sends each value of the older charts to a value that keymount's chart has", () => {
    const named = rowsBelow("Values of").flatMap(([, ours]) => codeIn(ours!));
    const paths = named.filter((code) => /^[a-z][A-Za-z.]*$/.test(code) && code !== "debug");
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter((path) => !hasValue(path))).toEqual([]);
  });

  test("prepares the image, the namespace and the chart before the switch removes the old provider", () => {
    const section = doc.split(/^## /m).find((one) => one.startsWith("The switch")) ?? "";
    const acts = ["docker push", "kubectl label namespace", "helm template", "Remove the old provider", "helm install"];
    const places = acts.map((act) => section.indexOf(act));
    expect(places.filter((place) => place < 0)).toEqual([]);
    expect([...places].sort((a, b) => a - b)).toEqual(places);
  });

  test("names the image as docs/install.md does, in every command of the chart", () => {
    const install = readFileSync(new URL("docs/install.md", root), "utf8");
    const [image] = /--set image\.repository=\S+/.exec(install)!;
    const commands = doc.match(/^ *helm (install|template) (.*\\\n)*.*$/gm) ?? [];
    expect(commands.length).toBeGreaterThan(1);
    expect(commands.filter((command) => !command.includes(image))).toEqual([]);
  });

  test.each(["From Agent Injector", "From External Secrets"])(
    "%s: names parameters and fields that there are",
    (heading) => {
      const known = [...plainParameters, ...objectFields, ...prefixedParameters.map((suffix) => `vault${suffix}`)];
      const syncs = ["secretObjects", "secretName", "type"];
      const named = rowsBelow(heading).flatMap(([, ours]) => codeIn(ours!).map((code) => code.split(":")[0]!));
      const words = named.filter((code) => /^[a-z]+[A-Za-z]*$/.test(code));
      expect(words.length).toBeGreaterThan(4);
      expect(words.filter((word) => ![...known, ...syncs].includes(word))).toEqual([]);
    },
  );
});
