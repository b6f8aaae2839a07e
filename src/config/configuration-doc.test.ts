import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseDuration } from "../shared/duration.js";
import { loadOptions } from "./load-options.js";
import { fileKeys } from "./configuration-file.js";
import type { Options } from "./options.js";
import { commandFlags, ignoredVariables, olderFlags, settings } from "./settings.js";
import { type ProcessStart, startRefusals } from "./start-refusals.js";

const doc = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
const prose = doc.replace(/```[\s\S]*?```/g, "");
/** Cells of every table row, without header and rule. */
const rows = [...prose.matchAll(/^\|(.+)\|$/gm)]
  .map(([, row]) => row!.split("|").map((cell) => cell.trim()))
  .filter(([first]) => !/^-+$/.test(first!));

function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}

function load(file: string): Options {
  return loadOptions({ argv: ["--config", "doc.yaml"], env: {}, execArgv: [], readFile: () => file });
}

describe("docs/configuration.md", () => {
  test("has every key of the file, and no other", () => {
    const keys = rows.map(([first]) => codeIn(first!)[0] ?? "").filter((key) => /^[a-z]+[A-Za-z.]*$/.test(key));
    const documented = keys.filter((key) => !["connection", "vaultAddress"].includes(key));
    expect([...new Set(documented)].sort()).toEqual(fileKeys().sort());
  });

  test("has every flag in its table, with its variables and its key", () => {
    const documented = rows
      .filter((cells) => cells.length === 3 && (cells[0]!.startsWith("`--") || cells[0] === ""))
      .map((cells) => cells.map(codeIn))
      .filter(
        ([flags, env, key]) => flags!.length + env!.length > 0 && (key!.length === 1 || flags![0] === "--config"),
      );
    expect(documented).toEqual(
      settings.map(({ flags, env, key }) => [flags.map((name) => `--${name}`), env, key === undefined ? [] : [key]]),
    );
  });

  test("speaks of no flag that is not there, and of every one that is", () => {
    const known = [...settings.flatMap(({ flags }) => flags), ...Object.keys(olderFlags), ...commandFlags];
    const others = [
      "rotation-poll-interval",
      "max-call-recv-msg-size",
      "heapsnapshot",
      "inspect",
      "tls-keylog",
      "trace-tls",
      "require",
      "import",
      "loader",
      "abort-on-uncaught-exception",
    ];
    const said = codeIn(prose).flatMap((code) =>
      [...code.matchAll(/(?:^|\s)--([a-z][a-z-]*[a-z])/g)].map(([, name]) => name!),
    );
    expect(said.filter((name) => ![...known, ...others].includes(name))).toEqual([]);
    expect(known.filter((name) => !said.includes(name))).toEqual([]);
  });

  test("speaks of no variable that is not there, and of every one that is", () => {
    const known = [...settings.flatMap(({ env }) => env), ...Object.keys(ignoredVariables)];
    const said = codeIn(prose).filter((code) => /^(VAULT|BAO|OPENBAO)_|_proxy$|NODE_NAME$/i.test(code));
    expect(said.filter((name) => !known.includes(name))).toEqual([]);
    expect(known.filter((name) => !said.includes(name))).toEqual([]);
  });

  test.each([...doc.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => [yaml!.match(/^ {2}(\w+):/m)![1]!, yaml!]))(
    "its example with connection %s is good",
    (name, yaml) => {
      expect(load(yaml).operator.connections[0]!.name).toBe(name);
    },
  );

  const minimal = { endpoint: "/csi/vault.sock", connections: { NAME: { addresses: ["https://v"] } } };
  const defaults = rows
    .map(([key, value]) => [codeIn(key!)[0] ?? "", /^`(.+)`$/.exec(value!)?.[1] ?? ""] as const)
    .filter(([key, value]) => fileKeys().includes(key) && value !== "" && key !== "socketDir");

  test.each(defaults)("the default of %s is %s", (key, value) => {
    expect(load(minimalWith(key.split("."), value))).toEqual(load(JSON.stringify(minimal)));
  });

  const ranges = rows.flatMap(([key = "", , meaning = ""]) => {
    const [, from, to] = /`(\d+[smh])` to `(\d+[smh])`/.exec(meaning) ?? [];
    return to === undefined ? [] : [[codeIn(key)[0]!, from!, to] as const];
  });

  test.each(ranges)("%s is a duration from %s to %s, and no other", (key, from, to) => {
    const withKey = (value: string) => {
      const file = JSON.parse(minimalWith(key.split("."), JSON.stringify(value))) as object;
      return () => load(JSON.stringify({ ...file, keyFile: "/key", stateDir: "/run/keymount" }));
    };
    for (const good of [from, to]) expect(withKey(good), good).not.toThrow();
    for (const bad of [`${parseDuration(from)! - 1}ms`, `${to}1s`])
      expect(withKey(bad), bad).toThrow(`must be a duration from ${from} to ${to}`);
  });

  test("names each reason not to start that Node's options and variables can be, in the places it says", () => {
    const section = doc.split("\n## What refuses to start\n")[1]!;
    const settings = [...section.matchAll(/^\| (`.+?) \|/gm)].map(([, cell]) => cell!);
    const refused = settings.flatMap((cell): ProcessStart[] => {
      const [first = "", ...others] = codeIn(cell);
      if (first === "NODE_DEBUG") return others.map((value) => ({ env: { NODE_DEBUG: value }, execArgv: [] }));
      if (first.startsWith("NODE_")) {
        const [name = "", value = "1"] = first.split("=");
        return [{ env: { [name]: value }, execArgv: [] }];
      }
      const options = [first, ...others].filter((code) => code.startsWith("--")).map((code) => code.replace("…", "-x"));
      return options.flatMap((option) => [
        { env: { NODE_OPTIONS: option }, execArgv: [] },
        ...(/command line|same places/.test(cell) ? [{ env: {}, execArgv: [option] }] : []),
      ]);
    });
    expect(refused.length).toBeGreaterThan(15);
    expect(refused.filter((start) => startRefusals(start).length === 0)).toEqual([]);
  });

  /** JSON is YAML, but for the value, which is as the page has it. */
  function minimalWith(steps: readonly string[], value: string): string {
    const data = structuredClone(minimal) as Record<string, unknown>;
    let parent = data;
    for (const step of steps.slice(0, -1)) parent = (parent[step] ??= {}) as Record<string, unknown>;
    parent[steps.at(-1)!] = "DEFAULT";
    return JSON.stringify(data).replace('"DEFAULT"', value);
  }
});
