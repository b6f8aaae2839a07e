import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { type Json, isJsonObject } from "../../shared/json.js";
import { parseExactJson } from "../../shared/exact-json.js";
import { dockerConfigJson } from "./docker-config-json.js";
import { dockerEnv, env, kubeEnv } from "./env.js";
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

describe("kube-env", () => {
  test("quotes every value, also a plain one, and one of several lines", () => {
    const data = { "db.host": "db-1", A: "", NESTED: { b: "x" }, PEM: "a\n\n#b=c\\\n", "with space": " x " };
    expect(kubeEnv(data, "kv/app")).toBe(
      `A=''\nNESTED='{"b":"x"}'\nPEM='a\n\n#b=c\\\n'\ndb.host='db-1'\nwith space=' x '\n`,
    );
  });

  test("is what the kubelet reads back", () => {
    const names = fc.stringMatching(/^[A-Z._-][ -<>-~]{0,6}$/).filter((name) => name === name.trim());
    const values = fc.string({ unit: "binary", maxLength: 12 }).map((text) => text.replace(/\r*['\0\n]/g, "\n"));
    fc.assert(
      fc.property(fc.dictionary(names, values), (data) => {
        const text = kubeEnv(data, "kv/app");
        for (const [name, value] of Object.entries(data)) expect(kubeletReads(text, name)).toBe(value);
      }),
    );
  });

  test.each<[string, Json, string]>([
    ["a single quote", { A: "x", PASSWORD: "it's" }, "PASSWORD at kv/app has a single quote in it"],
    ["a single quote within JSON", { NESTED: { b: "it's" } }, "NESTED at kv/app has a single quote in it"],
    ["a line break of Windows", { CERT: "a\r\nb" }, "CERT at kv/app has a carriage return before a line break"],
    ["a line too long", { A: `x\n${"y".repeat(65_536)}` }, "A at kv/app has a line of more than 65535 bytes"],
    ["a line of too many bytes", { A: "ü".repeat(32_766) }, "A at kv/app has a line of more than 65535 bytes"],
    ["a NUL", { A: "x\0y" }, "A at kv/app holds a NUL"],
    [
      "a comment for a name",
      { "#a": "x" },
      `no names of variables (printable ASCII without "="): the key "#a" at kv/app`,
    ],
    [
      "other names that are none",
      { "a=b": "x", " c": "y", "d ": "z", é: "" },
      `the keys " c", "a=b", "d ", "é" at kv/app`,
    ],
    ["no name", { "": "x" }, `the key "" at kv/app`],
  ])("refuses %s by its name, without a word of the value", (_what, data, says) => {
    expect(() => kubeEnv(data, "kv/app")).toThrow(says);
    expect(() => kubeEnv(data, "kv/app")).not.toThrow(/it's|yyyy|üü/);
  });

  test("takes the longest line that the kubelet reads", () => {
    const value = "y".repeat(65_535 - "A=''".length);
    expect(kubeletReads(kubeEnv({ A: value }, "kv/app"), "A")).toBe(value);
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
  ["kube-env", kubeEnv],
  ["properties", properties],
] as const)("%s: the same data in another order is the same bytes", (_name, format) => {
  fc.assert(
    fc.property(texts, (data) => {
      const plain = Object.fromEntries(
        Object.entries(data).map(([name, text]) => [name, text.replace(/[\0\r\n']/g, "")]),
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

/** As the kubelet reads the variable of a `fileKeyRef` (Kubernetes 1.36.3 pkg/kubelet/util/env, ParseEnv). */
function kubeletReads(text: string, key: string): string {
  const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
  if (lines.some((line) => Buffer.byteLength(line) > 65_535)) throw new Error("token too long");
  while (lines.length > 0) {
    const line = lines.shift()!.replace(/^[ \t]+/, "");
    if (line === "" || line.startsWith("#")) continue;
    const at = line.indexOf("=");
    const name = line.slice(0, at);
    if (at < 1 || /[ \t]$/.test(name)) throw new Error("no name");
    if (line[at + 1] !== "'") throw new Error("value must be enclosed in single quotes");
    let rest = line.slice(at + 2);
    let value = "";
    while (!rest.includes("'")) {
      value += `${rest}\n`;
      if (lines.length === 0) throw new Error("unclosed single quote");
      rest = lines.shift()!;
    }
    const end = rest.indexOf("'");
    if (!/^[ \t]*(#|$)/.test(rest.slice(end + 1))) throw new Error("unexpected content after closing quote");
    if (name === key) return value + rest.slice(0, end);
  }
  throw new Error("not found");
}
