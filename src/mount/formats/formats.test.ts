import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { type Json, isJsonObject } from "../../shared/json.js";
import { parseExactJson } from "../../shared/exact-json.js";
import { dockerConfigJson } from "./docker-config-json.js";
import { dockerEnv, env } from "./env.js";
import { properties } from "./properties.js";
import { yaml } from "./yaml.js";

/** As Vault's answers are read: numbers keep their digits. */
const read = (text: string) => parseExactJson(Buffer.from(text)) as Json;
const texts = fc.dictionary(fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,6}$/), fc.string({ unit: "binary", maxLength: 12 }), {
  noNullPrototype: true,
});
const awkward = {
  A: "it's",
  B: '"double" $HOME `id` \\',
  C: "two\nlines\n",
  D: "",
  E: " spaces ",
  F: "#no comment",
  G: "ünï😀",
  H: "a=b",
};

describe("env", () => {
  test("is what a shell reads back", () => {
    const script = `set -a\n${env(awkward, "kv/app")}exec env -0`;
    const out = execFileSync("sh", ["-c", script], { env: { PATH: process.env["PATH"] } }).toString();
    const seen = Object.fromEntries(
      out.split("\0").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
    expect(seen).toMatchObject(awkward);
  });

  test("is sorted, and quotes only what needs it, so that simple lines suit docker too", () => {
    const data = read('{"URL": "https://db:5432/app?x", "PORT": 5432, "NESTED": {"b": 1.50}, "HOST": "db-1.example"}');
    expect(env(data, "kv/app")).toBe(
      `HOST=db-1.example\nNESTED='{"b":1.50}'\nPORT=5432\nURL='https://db:5432/app?x'\n`,
    );
  });

  test.each<[string, Json, string]>([
    ["a name that is none", { "a-b": "x" }, "no names of variables (letters, digits and _): the key a-b at kv/app"],
    ["all names that are none", { "a-b": "x", A: "y", "1": "z", "c d": "" }, `the keys 1, a-b, "c d" at kv/app`],
    ["a NUL", { A: "x\0y" }, "A at kv/app holds a NUL"],
    ["no map", "x", "kv/app is no map, which format: env is made of"],
  ])("refuses %s by its name", (_what, data, says) => {
    expect(() => env(data, "kv/app")).toThrow(says);
  });
});

describe("docker-env", () => {
  test("takes every character as it is", () => {
    expect(dockerEnv({ B: `it's "x" #1`, A: "" }, "kv/app")).toBe(`A=\nB=it's "x" #1\n`);
  });

  test.each(["a\nb", "a\rb"])("refuses a line break, which has no form there", (text) => {
    expect(() => dockerEnv({ CERT: text }, "kv/app")).toThrow("CERT at kv/app has more than one line");
  });
});

describe("properties", () => {
  test("escapes what Java would take for something else", () => {
    const data = { "a b:c=d#e!": "  two  spaces", tab: "\t\n\\", ü: "é😀" };
    expect(properties(data, "kv/app").split("\n")).toEqual([
      "a\\ b\\:c\\=d\\#e\\!=\\ \\ two  spaces",
      "tab=\\t\\n\\\\",
      "\\u00fc=\\u00e9\\ud83d\\ude00",
      "",
    ]);
  });

  test("is what java.util.Properties reads back", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "binary", minLength: 1 }), fc.string({ unit: "binary" })), (data) => {
        expect(loadProperties(properties(data as Json, "kv/app"))).toEqual({ ...data });
      }),
    );
  });
});

describe("yaml", () => {
  test("is in blocks, sorted, with texts in quotes and numbers with their digits", () => {
    const data = read(
      '{"z": [1, {"b": "x", "a": []}, [true, null]], "on": "yes", "num": 1.10, "date": "2026-01-01", "empty": {}}',
    );
    expect(yaml(data)).toBe(
      [
        'date: "2026-01-01"',
        "empty: {}",
        "num: 1.10",
        '"on": "yes"',
        "z:",
        "  - 1",
        "  - a: []",
        '    b: "x"',
        "  - - true",
        "    - null",
        "",
      ].join("\n"),
    );
  });

  test.each(["1.1", "1.2"] as const)("is what YAML %s reads back", (version) => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4, noUnicodeString: false }), (value) => {
        const data = read(JSON.stringify({ value }));
        expect(parseYaml(yaml(data), { version })).toEqual(JSON.parse(JSON.stringify({ value })));
      }),
    );
  });

  test("of a single value is that value", () => {
    expect(yaml("x")).toBe('"x"\n');
  });
});

describe("dockerconfigjson", () => {
  test("is a login to one registry", () => {
    const data = { registry: "registry.example:5000", username: "app", password: 'p"<', email: "a@b" };
    expect(JSON.parse(dockerConfigJson(data, "kv/registry"))).toEqual({
      auths: {
        "registry.example:5000": {
          username: "app",
          password: 'p"<',
          email: "a@b",
          auth: Buffer.from('app:p"<').toString("base64"),
        },
      },
    });
  });

  test.each<[Json, string]>([
    [
      { username: "a", password: "b" },
      "no registry at kv/registry, of which format: dockerconfigjson is made (it has: password, username)",
    ],
    [{ registry: "r", username: "a:b", password: "c" }, "has a colon in it"],
    ["x", "it has: no keys"],
  ])("refuses %j", (data, says) => {
    expect(() => dockerConfigJson(data, "kv/registry")).toThrow(says);
  });
});

test.each([
  ["env", env],
  ["docker-env", dockerEnv],
  ["properties", properties],
] as const)("%s: the same data in another order is the same bytes", (_name, format) => {
  fc.assert(
    fc.property(texts, (data) => {
      const plain = Object.fromEntries(
        Object.entries(data).map(([name, text]) => [name, text.replace(/[\0\r\n]/g, "")]),
      );
      const reversed = Object.fromEntries(Object.entries(plain).reverse());
      expect(format(reversed, "kv/app")).toBe(format(plain, "kv/app"));
      if (isJsonObject(plain)) expect(format(plain, "kv/app").split("\n")).toHaveLength(Object.keys(plain).length + 1);
    }),
  );
});

/** As java.util.Properties.load reads: logical lines, the first unescaped separator, escapes. */
function loadProperties(text: string): Record<string, string> {
  const unescape = (part: string) =>
    part.replace(/\\(u[0-9a-f]{4}|.)/g, (_, code: string) =>
      code.length === 5
        ? String.fromCharCode(parseInt(code.slice(1), 16))
        : ({ t: "\t", n: "\n", f: "\f", r: "\r" }[code] ?? code),
    );
  const lines = text.split("\n").filter((line) => line !== "");
  return Object.fromEntries(
    lines.map((line) => {
      const [, name = "", value = ""] = /^((?:\\.|[^\\=:\s])*)=(.*)$/.exec(line) ?? [];
      return [unescape(name), unescape(value)];
    }),
  );
}
