import { describe, expect, test } from "vitest";
import { threadCpuMs } from "../../dev/testing/thread-cpu.js";
import { Redacted } from "../shared/redacted.js";
import type { ObjectSpec } from "./mount-spec.js";
import { readObjects } from "./objects.js";

function read(text: string) {
  const { objects, findings } = readObjects(text, 120_000);
  const told = (level: string) => findings.filter((finding) => finding.level === level).map((finding) => finding.text);
  return { objects, errors: told("error"), ignored: told("ignored"), warnings: told("warning") };
}

/** One object that is well but for these lines. */
function readOne(...lines: string[]) {
  const own = lines.map((line) => /^\s*(\w+):/.exec(line)?.[1]);
  const rest = ["objectName: file", "secretPath: secret/data/app", "secretKey: key"].filter(
    (line) => !own.includes(line.split(":")[0]),
  );
  return read([...rest, ...lines].map((line, index) => `${index === 0 ? "- " : "  "}${line}\n`).join(""));
}

function objectOf(...lines: string[]): ObjectSpec {
  const { objects, errors } = readOne(...lines);
  expect(errors).toEqual([]);
  return objects[0]!;
}

describe("filePermission, as Go's yaml.v3 reads it", () => {
  test.each<[string, number | undefined]>([
    ["0644", 0o644],
    ["0o644", 0o644],
    ["0O644", 0o644],
    ["420", 0o644],
    ["0x1a4", 0o644],
    ["0b11", 3],
    ["6_4", 64],
    ["0_644", 0o644],
    ["+0644", 0o644],
    ["420.0", 0o644],
    ["4.2e2", 0o644],
    ["0", undefined],
    ["0000", undefined],
    ["null", undefined],
    ["", undefined],
    ["0600", 0o600],
    ["0777", 0o777],
    ["'0644'", 0o644],
    ['"0o640"', 0o640],
  ])("%s", (text, mode) => {
    expect(objectOf(`filePermission: ${text}`).mode).toBe(mode);
  });

  test.each<[string, RegExp]>([
    ["07777", /not within 0000 and 0777/],
    ["04755", /not within/],
    ["-1", /not within/],
    ["1000000000", /not within/],
    ["0888", /not within/],
    ["644", /did you mean 0644\?/],
    ["'644'", /write it in octal without quotes: 0644/],
    ["''", /not a file mode/],
    ["true", /not a file mode/],
    ["420.5", /not a file mode/],
    ["rw-r--r--", /not a file mode/],
    ["[0644]", /must be a single value, not a list/],
  ])("refuses %s", (text, message) => {
    expect(readOne(`filePermission: ${text}`).errors).toEqual([expect.stringMatching(message)]);
  });

  test("warns of a decimal that looks octal", () => {
    expect(readOne("filePermission: 400").warnings).toEqual([expect.stringContaining("means 0620; write 0400")]);
  });
});

describe("secretPath", () => {
  test.each<[string, string, string]>([
    ["secret/data/app", "secret/data/app", ""],
    ["/secret/data/app", "secret/data/app", ""],
    ["v1/secret/data/app", "secret/data/app", ""],
    ["/v1/secret/data/app", "secret/data/app", ""],
    ["secret//data/app/", "secret/data/app", ""],
    ["secret/data/a b+c", "secret/data/a b+c", ""],
    ["secret/data/a%20b", "secret/data/a b", ""],
    ["secret/data/a#b", "secret/data/a#b", ""],
    ["secret/data/a%23b", "secret/data/a#b", ""],
    ["secret/data/a%3Fb?version=2", "secret/data/a?b", "version=2"],
    ["secret/data/a%5Cb", "secret/data/a\\b", ""],
    ["secret/data/100%25", "secret/data/100%", ""],
    ["secret/data/100%", "secret/data/100%", ""],
    ["secret/data/a%2520b", "secret/data/a%20b", ""],
    ["secret/data/b%C3%BCcher", "secret/data/bücher", ""],
    ["v1/secret/data/app%3f", "secret/data/app?", ""],
    ["x?a=b%23", "x", "a=b%23"],
    ["secret/data/app?version=2", "secret/data/app", "version=2"],
    ["x?b=2&a=1&b=1", "x", "a=1&b=2&b=1"],
    ["x?a=%2F", "x", "a=%2F"],
    ["x?", "x", ""],
  ])("%s", (written, path, query) => {
    expect(objectOf(`secretPath: ${JSON.stringify(written)}`).request).toEqual({ method: "GET", path, query });
  });

  test("lists, where a GET asks for ?list=true", () => {
    expect(objectOf('secretPath: "secret/metadata/?list=true"').request).toEqual(
      objectOf("secretPath: secret/metadata", "method: LIST").request,
    );
  });

  test.each([
    ["GET", "GET"],
    ["LIST", "LIST"],
  ])("%s is not made another method by ?list=false", (method, expected) => {
    const { request } = objectOf('secretPath: "secret/metadata/app?list=false&a=b"', `method: ${method}`);
    expect(request).toEqual({ method: expected, path: "secret/metadata/app", query: "a=b" });
  });

  test.each<[string, RegExp]>([
    ["", /is missing/],
    ["/v1/", /is empty/],
    ["secret/../sys/mounts", /a step "\." or "\.\."/],
    ["../sys", /step/],
    ["secret/./a", /step/],
    ["secret/%2e%2e/sys", /encoded/],
    ["secret/%2E./sys", /encoded/],
    ["secret%2fdata", /encoded/],
    ["secret%252fdata", /encoded/],
    ["https://vault.example/v1/secret/data/app", /is an address; write the path alone/],
    ["secret/%252e%252e/sys", /encoded/],
    ["secret/%%32e./sys", /encoded/],
    ["secret/a%5C..%5Cb", /encoded|backslashes/],
    ["secret/a%5C..", /backslashes/],
    ["secret/%c0%ae%c0%ae/sys", /not UTF-8/],
    ["secret/%ff", /not UTF-8.*%25/],
    ["secret/a%0ab", /control character/],
    ["secret/a%C2%85b", /control character/],
    ["secret\\data", /%5C/],
    ["secret/a\r\nX-Evil: 1", /control character/],
    ["secret/\u0000", /control character/],
    ["x".repeat(1025), /longer than 1024/],
    ["x?a=%zz", /query/],
    ["x?a;b", /query/],
  ])("refuses %j", (written, message) => {
    expect(readOne(`secretPath: ${JSON.stringify(written)}`).errors).toEqual([expect.stringMatching(message)]);
  });
});

describe("version", () => {
  test.each([["version: 3"], ['version: "3"']])("%s becomes a query", (line) => {
    expect(objectOf(line).request.query).toBe("version=3");
  });

  test("joins the query that is there", () => {
    expect(objectOf("version: 3", 'secretPath: "x?a=1"').request.query).toBe("a=1&version=3");
    expect(objectOf("version: 3", 'secretPath: "x?version=3"').request.query).toBe("version=3");
  });

  test.each<[string[], RegExp]>([
    [["version: 0"], /whole number from 1 up/],
    [["version: latest"], /whole number/],
    [["version: 1.5"], /whole number/],
    [["version: 3", 'secretPath: "x?version=2"'], /differs from the \?version=/],
    [["version: 3", "method: PUT"], /is for reading/],
  ])("refuses %j", (lines, message) => {
    expect(readOne(...lines).errors).toEqual([expect.stringMatching(message)]);
  });
});

describe("secretKey", () => {
  test.each<[string, ObjectSpec["secretKey"]]>([
    ["password", { key: "password" }],
    ["0123", { key: "0123" }],
    ["true", { key: "true" }],
    ["1.50", { key: "1.50" }],
    ["/a/b/0", { pointer: ["a", "b", "0"] }],
    ["/a~1b/~0", { pointer: ["a/b", "~"] }],
    ["", undefined],
    ["null", undefined],
  ])("%s", (written, selector) => {
    expect(objectOf(`secretKey: ${written}`).secretKey).toEqual(selector);
  });

  test("refuses a pointer with a lone ~", () => {
    expect(readOne("secretKey: /a~b").errors).toEqual([expect.stringContaining("JSON Pointer")]);
  });
});

describe("method, secretArgs and encoding", () => {
  test("arguments are canonical JSON in which numbers keep their digits", () => {
    const args =
      "secretArgs: {z: 12345678901234567890123, a: 1.50, o: 0123, h: 0x10, e: 1e3, t: true, s: yes, n: ~, q: '1', l: [{b: 1, a: 2}], '<': x}";
    const { request } = objectOf("method: put", args);
    expect(request.method).toBe("PUT");
    expect(request.args?.reveal()).toBe(
      '{"\\u003c":"x","a":1.50,"e":1e3,"h":16,"l":[{"a":2,"b":1}],"n":null,"o":83,"q":"1","s":"yes","t":true,"z":12345678901234567890123}',
    );
  });

  test("an empty map is a body, null is none", () => {
    expect(objectOf("method: POST", "secretArgs: {}").request.args?.reveal()).toBe("{}");
    expect(objectOf("method: POST", "secretArgs:").request.args).toBeUndefined();
  });

  test("arguments are never in a message", () => {
    const { objects, errors, ignored } = read(
      "- {objectName: a, secretPath: b, method: PUT, secretArgs: {x: .inf, plaintext: canary}}\n- {objectName: b, secretPath: b, secretArgs: canary}\n- {objectName: c, secretPath: b, secretArgs: {a: canary}}",
    );
    expect(errors).toHaveLength(2);
    expect(ignored).toEqual([expect.stringContaining("is not sent with GET")]);
    expect(JSON.stringify([objects, errors, ignored])).not.toContain("canary");
  });

  test("encoding is case-insensitive", () => {
    expect(objectOf("encoding: Base64").encoding).toBe("base64");
  });

  test("encoding without secretKey is ignored, as the Go provider does, and told", () => {
    const { objects, errors, ignored } = readOne("secretKey: ''", "encoding: base64");
    expect(errors).toEqual([]);
    expect(ignored).toEqual([expect.stringContaining("means nothing without secretKey")]);
    expect(objects[0]!.encoding).toBe("utf-8");
  });

  test.each([["encoding: rot13"], ["method: BREW"], ["secretArgs: []"], ["refreshInterval: 5"], ["lifetime: 30"]])(
    "refuses %s",
    (line) => {
      expect(readOne("secretKey: a", line).errors).toEqual([expect.stringContaining(line.split(":")[0]!)]);
    },
  );
});

describe("contract 10: objects", () => {
  test.each<[string, string, RegExp]>([
    ["nothing", "", /objects is missing/],
    ["an empty list", "[]", /objects is empty/],
    ["a map", "objectName: a", /must be a list/],
    ["an entry that is no map", "- foo", /objects\[0\] must be a map/],
    ["more than a hundred", "- {objectName: a, secretPath: b}\n".repeat(101), /101 entries, more than 100/],
    ["ten megabytes", `- objectName: ${"x".repeat(10 << 20)}`, /longer than 64 KiB/],
    ["80 KB in 40,000 characters", `- objectName: ${"ä".repeat(40_000)}`, /longer than 64 KiB/],
    ["a key twice", "- objectName: a\n  objectName: b", /line 2: has a key twice: "objectName"/],
    ["an alias without an anchor", "- *a", /objects, line 1/],
    ["an unknown tag", "- objectName: !secret a", /has a tag that means nothing/],
    ["a merge of what is no map", "- {<<: [a]}", /merges/],
    ["a list as a key", "- {? [a] : b}", /list or map as a key/],
  ])("refuses %s", (_name, text, message) => {
    expect(read(text).errors[0]).toMatch(message);
  });

  test.each<[string, string, number]>([
    ["a field", "- objectName: a\n\tsecretPath: b", 2],
    ["a field, after a space", "- objectName: a\n \tsecretPath: b", 2],
    ["the list", "\t- objectName: a", 1],
    ["an entry after one that is not", "- objectName: a\n\t- objectName: b", 2],
    ["the text of a template", "- objectName: a\n  template: |\n\ttext\n", 3],
    ["a later line of a template", "- objectName: a\n  template: |\n    text\n\tmore\n", 4],
    ["a flow map's next line", "- {objectName: a,\n\tsecretPath: b}", 2],
    ["an argument", "- objectName: a\n  secretArgs:\n    a: 1\n\tb: 2", 4],
    ["a source", "- objectName: a\n  sources:\n\t\tdb: {secretPath: x}", 3],
    ["a quoted text's next line", '- objectName: "a\n\tb"', 2],
    ["what follows a dash", "-\tobjectName: a", 1],
  ])("calls a tab for indentation one: %s", (_what, text, line) => {
    expect(read(text).errors).toEqual([`objects, line ${line}: is indented with a tab; YAML takes spaces only`]);
  });

  test.each([
    [
      "in a template's text",
      "- {objectName: a, secretPath: b}\n- objectName: c\n  template: |\n    a:\n    \tb\n  secretPath: s",
    ],
    ["before a comment", "- objectName: a\n  secretPath: b\t# c"],
    ["on an empty line", "- objectName: a\n\t\n  secretPath: b"],
  ])("takes a tab %s", (_where, text) => {
    expect(read(text).errors).toEqual([]);
  });

  test("follows anchors and merge keys as Go does", () => {
    const { objects, errors } = read(
      "- &a {objectName: a, secretPath: s, secretKey: k}\n- {<<: *a, objectName: b}\n- {objectName: c, <<: [*a, {secretKey: x}]}",
    );
    expect(errors).toEqual([]);
    expect(objects.map(({ objectName, secretKey }) => [objectName, secretKey])).toEqual([
      ["a", { key: "k" }],
      ["b", { key: "k" }],
      ["c", { key: "k" }],
    ]);
  });

  test("reads the first of several documents, as Go does, and tells of the rest", () => {
    const { objects, errors, ignored } = read(
      "- {objectName: a, secretPath: b}\n---\n- {objectName: b, secretPath: b}\n",
    );
    expect(errors).toEqual([]);
    expect(objects).toHaveLength(1);
    expect(ignored).toEqual([expect.stringContaining("before the second ---")]);
  });

  const billion = [
    "- &a [x,x,x,x,x,x,x,x,x]",
    ..."bcdefghij".split("").map((name, i) => `- &${name} [${`*${"abcdefghi"[i]},`.repeat(9)}]`),
  ].join("\n");
  test.each<[string, string]>([
    ["billion laughs", billion],
    ["an anchor within itself", "- &a [*a, *a]"],
    ["thousands of levels", "[".repeat(60_000)],
    ["thousands of block levels", "- ".repeat(30_000)],
    [
      "thousands of keys",
      Array.from({ length: 9_000 }, (_, i) => `k${i}:\n`)
        .join("")
        .slice(0, 60_000),
    ],
    ["thousands of commas", `[${",".repeat(60_000)}]`],
    ["thousands of escapes", `"${"\\x".repeat(30_000)}"`],
  ])("refuses %s soon", (_name, text) => {
    const start = threadCpuMs();
    const { errors } = read(text);
    expect(errors.length).toBeGreaterThan(0);
    expect(threadCpuMs() - start).toBeLessThan(2_000);
  });

  test("unknown fields are ignored and told, with a suggestion", () => {
    const { errors, ignored } = readOne("secretKye: a", "whatever: b");
    expect(errors).toEqual([]);
    expect(ignored).toEqual([
      'objects[0] "file": secretKye is not a field of an object; did you mean secretKey?',
      'objects[0] "file": whatever is not a field of an object',
    ]);
  });

  test("a field's name cannot write lines of its own", () => {
    expect(readOne('"a\\nb": x').ignored).toEqual(['objects[0] "file": "a\\nb" is not a field of an object']);
  });

  test.each([
    ["pem-bundle", []],
    ["json", []],
    ["docker-env", []],
    ["kube-env", []],
    ["raw", []],
    [
      "pem",
      [
        'objects[0] "file": format "pem" is not known; write one of raw, json, env, docker-env, kube-env, properties, yaml, envelope, dockerconfigjson, pem-bundle, pkcs12',
      ],
    ],
  ])("reads format: %s", (format, errors) => {
    const read = readOne(`format: ${format}`);
    expect(read.errors).toEqual(errors);
  });

  test.each([
    [["format: raw", "secretKey: ''"], "format raw writes one value as it is"],
    [["format: envelope"], "format envelope is the whole answer; leave out secretKey"],
  ])("refuses %j", (lines, says) => {
    expect(readOne(...lines).errors).toEqual([expect.stringContaining(says)]);
  });

  test("encoding goes with format: raw, and with no other", () => {
    expect(objectOf("format: raw", "encoding: hex")).toMatchObject({ format: "raw", encoding: "hex" });
    expect(readOne("format: json", "encoding: hex").objects[0]).toMatchObject({ format: "json", encoding: "utf-8" });
  });
});

describe("templates", () => {
  const get = (path: string, more: object = {}) => ({ method: "GET", path, query: "", ...more });

  function templateOf(...lines: string[]) {
    return read(["- objectName: file", ...lines.map((line) => `  ${line}`)].join("\n"));
  }

  test("over the object's own secret", () => {
    const { objects, errors } = templateOf("secretPath: kv/a", 'template: "{{ user }}"');
    expect(errors).toEqual([]);
    expect(objects[0]).toMatchObject({
      request: get("kv/a"),
      template: { text: "{{ user }}", own: true, sources: new Map() },
    });
  });

  test("over several, with or without one of its own", () => {
    const sources = [
      "sources:",
      "  db: {secretPath: database/creds/app}",
      "  old: {secretPath: kv/data/x, version: 2}",
      "  sum: {secretPath: transit/hash, method: PUT, secretArgs: {input: aA==}}",
    ];
    const names = new Map<string, object>([
      ["db", get("database/creds/app")],
      ["old", get("kv/data/x", { query: "version=2" })],
      ["sum", { method: "PUT", path: "transit/hash", query: "", args: new Redacted('{"input":"aA=="}') }],
    ]);
    const alone = templateOf('template: "{{ db.username }}"', ...sources);
    expect(alone.errors).toEqual([]);
    expect(alone.objects[0]!.request).toEqual(get("database/creds/app"));
    expect(alone.objects[0]!.template).toEqual({ text: "{{ db.username }}", own: false, sources: names });
    const own = templateOf("secretPath: kv/own", 'template: "{{ a }}"', ...sources);
    expect(own.objects[0]!.request).toEqual(get("kv/own"));
    expect(own.objects[0]!.template!.own).toBe(true);
  });

  test.each<[string[], string]>([
    [["secretPath: kv/a", "template: ''"], "template is empty; write what the file shall hold"],
    [["secretPath: kv/a", "sources: {a: {secretPath: b}}"], "sources is for an object with a template"],
    [["template: x"], "secretPath is missing"],
    [["secretPath: kv/a", "template: x", "secretKey: a"], "secretKey cannot be beside template"],
    [["secretPath: kv/a", "template: x", "format: json"], "format cannot be beside template"],
    [["secretPath: kv/a", "template: x", "encoding: hex"], "encoding cannot be beside template"],
    [["secretPath: kv/a", "template: [x]"], "template must be a single value, not a list"],
    [["template: x", "sources: [a]"], "sources must be a map of maps"],
    [["template: x", "sources: {a: kv/b}"], "sources must be a map of maps"],
    [["template: x", "sources: {a-b: {secretPath: b}}"], "the name a-b, which a template cannot use"],
    [["template: x", "sources: {data: {secretPath: b}}"], "the name data, which a template cannot use"],
    [["template: x", "sources: {a: {version: 1}}"], "sources.a.secretPath is missing"],
    [["template: x", "sources: {a: {secretPath: b/../c}}"], "sources.a.secretPath"],
    [["template: x", "sources: {a: {secretPath: b, method: EAT}}"], "sources.a.method"],
  ])("%j", (lines, says) => {
    expect(templateOf(...lines).errors.join("; ")).toContain(says);
  });

  test("a template cannot be a folder", () => {
    const folder = read("- {objectName: a/, secretPath: b, template: x}");
    expect(folder.errors).toEqual(['objects[0] "a/": template makes one file; objectName must not end with a slash']);
  });

  test("unknown fields of a source are reported", () => {
    expect(templateOf("template: x", "sources: {a: {secretPath: b, secretKye: c}}").ignored).toEqual([
      'objects[0] "file": sources.a.secretKye is not a field of sources.a; there are: secretPath, version, method, secretArgs',
    ]);
  });

  test("a class asks for 200 things at most", () => {
    const sources = (n: number) => Array.from({ length: 10 }, (_, i) => `s${i}: {secretPath: kv/${n}-${i}}`).join(", ");
    const object = (n: number) => `- {objectName: f${n}, template: x, sources: {${sources(n)}}}\n`;
    expect(read(Array.from({ length: 20 }, (_, n) => object(n)).join("")).errors).toEqual([]);
    expect(read(Array.from({ length: 21 }, (_, n) => object(n)).join("")).errors).toEqual([
      "objects asks Vault for 210 things, more than 200; use several classes and volumes",
    ]);
  });
});

describe("keystores", () => {
  const store = (...lines: string[]) =>
    read(
      [
        "- objectName: web.p12",
        "  secretPath: pki/issue/web",
        "  format: pkcs12",
        ...lines.map((line) => `  ${line}`),
      ].join("\n"),
    );

  test.each<[string[], object]>([
    [
      ["password: {secretKey: pass}"],
      {
        password: { request: { method: "GET", path: "pki/issue/web", query: "" }, key: { key: "pass" } },
        alias: "keymount",
        legacy: false,
      },
    ],
    [
      ["password: {secretPath: kv/data/p, secretKey: /a/b, version: 3}", "alias: web", "encryption: legacy"],
      {
        password: { request: { method: "GET", path: "kv/data/p", query: "version=3" }, key: { pointer: ["a", "b"] } },
        alias: "web",
        legacy: true,
      },
    ],
  ])("%j", (lines, keystore) => {
    const { objects, errors } = store(...lines);
    expect(errors).toEqual([]);
    expect(objects[0]).toMatchObject({ format: "pkcs12", keystore });
  });

  test.each<[string[], string]>([
    [[], "password is missing; name where it is in Vault"],
    [["password: changeit"], "password must not be in the class"],
    [["password: {secretPath: kv/p}"], "password.secretKey is missing"],
    [["password: {secretKey: a, version: 2}"], "password.version is for a secretPath beside it"],
    [["password: {secretKey: a}", "alias: a b"], 'alias "a b" must be 1 to 128 ASCII characters without a space'],
    [["password: {secretKey: a}", "encryption: rot13"], 'encryption "rot13" is not known; write one of aes, legacy'],
  ])("%j", (lines, says) => {
    expect(store(...lines).errors.join("; ")).toContain(says);
  });

  test.each(["password: {secretKey: a}", "alias: a", "encryption: aes"])("%s is for keystores only", (line) => {
    expect(readOne(line).errors.join()).toContain("is for an object with format: pkcs12");
  });

  test("a password that slipped into the class is not told", () => {
    expect(JSON.stringify(store("password: hunter2-hunter2"))).not.toContain("hunter2");
  });
});

describe("what may be missing", () => {
  test.each<[string[], Partial<ObjectSpec>]>([
    [["optional: true"], { optional: true }],
    [["optional: 'true'"], { optional: true }],
    [["default: none"], { fallback: { text: new Redacted("none") } }],
    [["default: ''"], { fallback: { text: new Redacted("") } }],
    [["default: {key: other}"], { fallback: { key: "other" } }],
    [["objectName: app/", "optional: true"], { optional: true }],
  ])("%j", (lines, expected) => {
    expect(objectOf(...lines)).toMatchObject(expected);
  });

  test.each<[string[], string]>([
    [["optional: maybe"], 'optional "maybe" is not known; write true or false'],
    [["default: [a]"], "default must be a text, or a map with one key of the same secret"],
    [["default: {name: a}"], "default must be a text, or a map"],
    [["default: {key: a, or: b}"], "default must be a text, or a map"],
    [["default: {key: a}", "secretKey: ''"], "default with a key is for an object with secretKey"],
    [["objectName: app/", "default: x"], "default is for one file"],
  ])("refuses %j", (lines, says) => {
    expect(readOne(...lines).errors).toEqual([expect.stringContaining(says)]);
  });

  test("optional: false is as if it were not there", () => {
    expect(objectOf("optional: false")).not.toHaveProperty("optional");
  });
});

describe("an objectName that ends with a slash", () => {
  const folder = (...lines: string[]) => readOne("objectName: app/", "secretKey: ''", ...lines);

  test("makes a file of every key", () => {
    expect(folder().objects[0]).toMatchObject({ objectName: "app/", keyFiles: { keys: [], rename: new Map() } });
    expect(readOne("objectName: /").errors).toEqual([]);
  });

  test("has keys, patterns among them, and other names for some", () => {
    const { objects, errors } = folder(
      "keys: [HOST, 'DB_*']",
      "rename: {HOST: host.txt, DB_USER: db/user}",
      "encoding: hex",
    );
    expect(errors).toEqual([]);
    expect(objects[0]).toMatchObject({
      encoding: "hex",
      keyFiles: {
        keys: ["HOST", "DB_*"],
        rename: new Map([
          ["HOST", "host.txt"],
          ["DB_USER", "db/user"],
        ]),
      },
    });
  });

  test.each<[string[], string]>([
    [["keys: {a: b}"], "keys must be a list of names"],
    [["keys: [[a]]"], "keys must be a list of names"],
    [["keys: []"], "keys must be a list of names"],
    [[`keys: [${"a, ".repeat(1_001)}]`], "keys holds more than 1000 names"],
    [[`keys: [${'"a*", '.repeat(21)}]`], "keys holds more than 20 patterns with * or ?"],
    [["rename: [a]"], "rename must be a map"],
    [["rename: {a: [b]}"], "rename must be a map"],
    [["rename: {a: ../b}"], 'rename of a: the file name holds a step ".."'],
    [["rename: {a: x, b: x}"], "rename gives two keys one file name"],
    [["format: env"], "format is for one file"],
  ])("refuses %j", (lines, says) => {
    expect(folder(...lines).errors).toEqual([expect.stringContaining(says)]);
  });

  test.each(["keys: [a]", "rename: {a: b}"])("is what %s is for", (line) => {
    expect(readOne(line).errors).toEqual([expect.stringContaining("is for an objectName that ends with a slash")]);
  });

  test("has other files in it, but is no file itself", () => {
    const both = (one: string, two: string) =>
      read(`- {objectName: ${one}, secretPath: a}\n- {objectName: ${two}, secretPath: b}\n`).errors;
    expect(both("app/", "app/more")).toEqual([]);
    expect(both("app", "app/")).toEqual([expect.stringContaining('lies below "app" of objects[0], which is a file')]);
    expect(both("app/", "app/")).toEqual([expect.stringContaining("is also the path of objects[0]")]);
  });
});

describe("a secretPath that ends with a slash", () => {
  const below = (...lines: string[]) => {
    const fieldOf = (line: string) => line.split(":")[0];
    const usual = ["objectName: app/", "secretPath: kv/data/shop/", "secretKey: ''"];
    return readOne(...usual.filter((line) => !lines.map(fieldOf).includes(fieldOf(line))), ...lines);
  };

  test("is every secret below it, for a folder", () => {
    const { objects, errors } = below("keys: ['db/*']", "optional: true", "encoding: base64");
    expect(errors).toEqual([]);
    expect(objects[0]).toMatchObject({
      recursive: { path: "kv/data/shop" },
      request: { method: "LIST", path: "kv/metadata/shop", query: "" },
    });
  });

  test("gets a hint where the object is one file, for a read alone", () => {
    const said = (...fields: string[]) =>
      readObjects(`- {${["secretPath: kv/data/shop/", ...fields].join(", ")}}`, 60_000).findings.map(
        ({ text }) => text,
      );
    expect(said("objectName: app")).toEqual([
      expect.stringMatching(/^objects\[0\] "app": secretPath ends with a slash, .* objectName ends with a slash, too$/),
    ]);
    expect(said("objectName: app/")).toEqual([]);
    expect(said("objectName: app", "method: LIST")).toEqual([]);
  });

  test.each([
    ["an object that is one file", ["objectName: file", "secretKey: key"]],
    ["another method", ["method: LIST"]],
  ])("is one request, for %s", (_what, lines) => {
    const { objects, errors } = below(...lines);
    expect(errors).toEqual([]);
    expect(objects[0]).not.toHaveProperty("recursive");
    expect(objects[0]!.request.path).toBe("kv/data/shop");
  });

  test.each([
    ["secretKey: key", "secretKey is for one secret"],
    ["version: 3", "version is for one secret"],
    ["secretPath: kv/data/shop/?version=3", "secretPath has a query, which is for one secret"],
    ["format: json", "format is for one file"],
    ["default: x", "default is for one file"],
  ])("refuses %s", (line, says) => {
    expect(below(line).errors).toEqual([expect.stringContaining(says)]);
  });
});

describe("contract 11: paths of files", () => {
  test.each(["a", "a/b/c", ".env", "a b", "a\\b", "ключ", "a/..foo", ".x/y..z", `${"x".repeat(255)}/y`])(
    "takes %j",
    (name) => {
      expect(objectOf(`objectName: ${JSON.stringify(name)}`).objectName).toBe(name);
    },
  );

  test.each<[string, RegExp]>([
    ["", /is missing/],
    [".", /"\."/],
    ["..", /"\.\."/],
    ["../x", /stay inside/],
    ["a/../b", /stay inside/],
    ["..data", /keeps for itself/],
    ["...", /keeps for itself/],
    ["/etc/passwd", /starts with a slash/],
    ["//", /starts with a slash/],
    ["a//b", /empty/],
    ["./a", /"\."/],
    ["a/./b", /"\."/],
    ["x".repeat(256), /longer than 255 bytes/],
    ["é".repeat(128), /longer than 255 bytes/],
    ["x/".repeat(2500) + "x", /longer than 4096 bytes/],
    ["a\u0000b", /control character/],
    ["a\nb", /control character/],
    ["a\u0085b", /control character/],
  ])("refuses %j", (name, message) => {
    expect(readOne(`objectName: ${JSON.stringify(name)}`).errors).toEqual([expect.stringMatching(message)]);
  });

  test.each<[string, string[], string]>([
    ["twice the same", ["a", "a"], 'objects[1] "a": objectName is also the path of objects[0]'],
    [
      "a file where another needs a directory",
      ["a", "a/b"],
      'objects[1] "a/b": objectName lies below "a" of objects[0]',
    ],
    ["the same the other way round", ["a/b/c", "a"], 'objects[0] "a/b/c": objectName lies below "a" of objects[1]'],
  ])("refuses %s", (_name, names, message) => {
    const { errors } = read(names.map((name) => `- {objectName: ${name}, secretPath: s}\n`).join(""));
    expect(errors).toEqual([expect.stringContaining(message)]);
  });

  test("takes names that differ in case only, and names that begin alike", () => {
    expect(
      read("- {objectName: a, secretPath: s}\n- {objectName: A, secretPath: s}\n- {objectName: ab/c, secretPath: s}\n")
        .errors,
    ).toEqual([]);
  });
});

describe("a list in place of a single value is told once, and nothing that comes of it", () => {
  test.each<[string, string[]]>([
    ["objectName", ["objectName: [x]"]],
    ["secretPath", ["secretPath: [x]"]],
    ["secretPath", ["secretPath: [x]", "format: json"]],
    ["secretKey", ["secretKey: [x]"]],
    ["secretKey", ["secretKey: [x]", "encoding: base64"]],
    ["secretKey", ["secretKey: [x]", "format: raw"]],
    ["secretKey", ["secretKey: [x]", "default: {key: other}"]],
    ["version", ["version: [x]"]],
    ["method", ["method: [x]"]],
    ["filePermission", ["filePermission: [x]"]],
    ["encoding", ["encoding: [x]"]],
    ["format", ["format: [x]"]],
    ["optional", ["optional: [x]"]],
    ["template", ["template: [x]"]],
    ["password.secretKey", ["format: pkcs12", "password: {secretKey: [x]}"]],
    ["alias", ["format: pkcs12", "password: {secretKey: p}", "alias: [x]"]],
    ["encryption", ["format: pkcs12", "password: {secretKey: p}", "encryption: [x]"]],
    ["refreshInterval", ["refreshInterval: [x]"]],
    ["rolloutOnChange", ["rolloutOnChange: [x]"]],
    ["lifetime", ["lifetime: [x]"]],
  ])("%s in %j", (field, lines) => {
    const { errors, ignored } = readOne(...lines);
    expect({ errors, ignored }).toEqual({
      errors: [expect.stringMatching(new RegExp(`${field} must be a single value, not a list$`))],
      ignored: [],
    });
  });

  test("what is wrong beside it is told, too", () => {
    expect(readOne("secretKey: [x]", "encoding: b64").errors).toEqual([
      'objects[0] "file": secretKey must be a single value, not a list',
      expect.stringContaining('encoding "b64" is not known'),
    ]);
  });
});
