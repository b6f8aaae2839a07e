import { LosslessNumber } from "lossless-json";
import { describe, expect, test } from "vitest";
import { threadCpuMs } from "../../dev/testing/thread-cpu.js";
import { ProviderError } from "../shared/errors.js";
import type { Json, JsonObject } from "../shared/json.js";
import { Redacted } from "../shared/redacted.js";
import type { ObjectSpec } from "./mount-spec.js";
import { filesOf } from "./secret-file.js";

const responseBytes = 100_000;

const kv2: JsonObject = {
  request_id: "r-1",
  lease_id: "",
  renewable: false,
  lease_duration: new LosslessNumber("0"),
  data: {
    data: {
      password: "s3cret",
      port: new LosslessNumber("12345678901234567890"),
      ratio: new LosslessNumber("1.0"),
      nothing: null,
      nested: { hosts: ["a", "b"], "odd/key": { "til~de": "x" } },
      b64: "AP8=\n",
      hex: "00fF",
      empty: "",
    },
    metadata: { version: new LosslessNumber("3") },
  },
  wrap_info: null,
  warnings: null,
  auth: null,
  mount_type: "kv",
};

function object(change: Partial<ObjectSpec> = {}): ObjectSpec {
  return {
    objectName: "file",
    request: { method: "GET", path: "secret/data/app", query: "" },
    encoding: "utf-8",
    refreshIntervalMs: 120_000,
    ...change,
  };
}

function contents(change: Partial<ObjectSpec>, body: JsonObject | null = kv2): string {
  const [file] = filesOf(object(change), new Redacted(body), { responseBytes });
  return file!.contents.reveal().toString("latin1");
}

describe("a file from a key", () => {
  test.each<[string, Partial<ObjectSpec>, string]>([
    ["writes a string as it is", { secretKey: { key: "password" } }, "s3cret"],
    ["keeps the digits of a number", { secretKey: { key: "port" } }, "12345678901234567890"],
    ["keeps a number's trailing zero", { secretKey: { key: "ratio" } }, "1.0"],
    ["writes an explicit null as the Go provider does", { secretKey: { key: "nothing" } }, "null"],
    ["writes an object as JSON", { secretKey: { pointer: ["nested", "hosts"] } }, '["a","b"]'],
    ["follows a pointer into lists", { secretKey: { pointer: ["nested", "hosts", "1"] } }, "b"],
    ["follows a pointer through escaped names", { secretKey: { pointer: ["nested", "odd/key", "til~de"] } }, "x"],
    ["decodes base64, line breaks and all", { secretKey: { key: "b64" }, encoding: "base64" }, "\x00\xff"],
    ["decodes hex", { secretKey: { key: "hex" }, encoding: "hex" }, "\x00\xff"],
    ["writes an empty string as an empty file", { secretKey: { key: "empty" } }, ""],
    ["reaches KV v2's metadata beside the data", { secretKey: { key: "metadata" } }, '{"version":3}'],
  ])("%s", (_name, change, text) => {
    expect(contents(change)).toBe(text);
  });

  test("reads KV v1, where the data is not nested", () => {
    expect(contents({ secretKey: { key: "a" } }, { data: { a: "1" } })).toBe("1");
  });

  test.each([[0o400], [undefined]])("has the object's mode: %s", (mode) => {
    const spec = object(mode === undefined ? {} : { mode });
    expect(filesOf(spec, new Redacted(kv2), { responseBytes })[0]!.mode).toBe(mode);
  });

  test.each<[string, Partial<ObjectSpec>, JsonObject | null, RegExp]>([
    [
      "a key that is not there, naming those that are",
      { secretKey: { key: "pasword" } },
      kv2,
      /no key "pasword" at secret\/data\/app \(it has: .*password/,
    ],
    [
      "a key whose name would not show, made visible",
      { secretKey: { key: "\ufeffpassword\n" } },
      kv2,
      /no key "\\ufeffpassword\\n" at/,
    ],
    ["an inherited name", { secretKey: { key: "constructor" } }, kv2, /no key "constructor"/],
    [
      "a pointer that leads nowhere, naming the step",
      { secretKey: { pointer: ["nested", "host", "0"] } },
      kv2,
      /nothing at "\/nested\/host"/,
    ],
    ["a list index with a leading zero", { secretKey: { pointer: ["nested", "hosts", "01"] } }, kv2, /a list of 2/],
    [
      "a value that is not base64",
      { secretKey: { key: "a" }, encoding: "base64" },
      { data: { a: "s3cr$t" } },
      /not valid base64/,
    ],
    [
      "a value of half a byte",
      { secretKey: { key: "half" }, encoding: "base64" },
      { data: { half: "AP8A=" } },
      /not valid/,
    ],
    [
      "base64 as base64url",
      { secretKey: { key: "a" }, encoding: "base64url" },
      { data: { a: "+/8=" } },
      /not valid base64url/,
    ],
    [
      "a value that is not hex",
      { secretKey: { key: "password" }, encoding: "hex" },
      kv2,
      /^the value of password at [^ ]+ is not valid hex; leave out encoding/,
    ],
    [
      "a key that holds no PEM, where PEM is wanted, naming it",
      { secretKey: { key: "password" }, format: "pem-bundle" },
      kv2,
      /^password at secret\/data\/app is no PEM.*leave it out to write/,
    ],
    [
      "a pointer to no PEM, naming its end",
      { secretKey: { pointer: ["nested", "hosts", "0"] }, format: "pem-bundle" },
      kv2,
      /^\/nested\/hosts\/0 at secret\/data\/app is no PEM/,
    ],
    ["an answer without a body (204)", {}, null, /without a body/],
    ["an answer without data", { secretKey: { key: "a" } }, { data: null }, /answers without data/],
  ])("refuses %s", (_name, change, body, message) => {
    expect(() => contents(change, body)).toThrow(message);
  });

  test.each([
    ["a key that is spelt like a pointer", { secretKey: { pointer: ["etc", "a~b"] } }, "exact"],
    ["base64 without padding, and with white space", { secretKey: { key: "bare" }, encoding: "base64" }, "\x00\xff"],
    ["base64url", { secretKey: { key: "url" }, encoding: "base64url" }, "\xfb\xff"],
  ] as const)("takes %s", (_name, change, written) => {
    const data = { bare: " A P8\t", url: "-_8", "/etc/a~0b": "exact", etc: { "a~b": "pointed at" } };
    expect(contents(change, { data })).toBe(written);
  });

  describe("of a raw answer", () => {
    const der = Buffer.from([0x30, 0x82, 0, 0xff]);
    const request = { method: "GET", path: "pki/ca_chain", query: "" } as const;
    const made = (change: Partial<ObjectSpec>) =>
      filesOf(object({ request, ...change }), new Redacted(der), { responseBytes }).map(({ contents }) =>
        contents.reveal(),
      );

    test.each<Partial<ObjectSpec>>([{}, { format: "raw" }])("%j is the bytes as they are", (change) => {
      expect(made(change)).toEqual([der]);
    });

    test.each<Partial<ObjectSpec>>([
      { secretKey: { key: "certificate" } },
      { format: "json" },
      { format: "envelope" },
      { format: "pem-bundle" },
      { keyFiles: { keys: [], rename: new Map() } },
    ])("%j is refused, and told the JSON form", (change) => {
      expect(() => made(change)).toThrow(
        /^pki\/ca_chain answers .* read pki\/cert\/ca_chain \(secretKey: certificate\)$/,
      );
    });
  });

  test.each([[null], [{ data: null }], [{ data: "5" }]])(
    "does not take a success of %j for an absent secret",
    (body) => {
      expect(() => contents({ secretKey: { key: "a" }, fallback: { key: "b" } }, body)).toThrow(
        expect.objectContaining({ code: "invalid_request" }) as Error,
      );
    },
  );

  test("never quotes a value in its refusals", () => {
    expect(() => contents({ secretKey: { key: "password" }, encoding: "hex" })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("s3cret") as string }) as Error,
    );
  });
});

describe("a format", () => {
  const nested = { pointer: ["nested"] };
  test.each<[string, Partial<ObjectSpec>, string | RegExp]>([
    ["json: the data alone, sorted", { format: "json" }, /^{"b64":"AP8=\\n","empty":"",.*"ratio":1.0}$/],
    ["json of one value", { format: "json", secretKey: { key: "password" } }, '"s3cret"'],
    [
      "json of what a pointer leads to",
      { format: "json", secretKey: nested },
      '{"hosts":["a","b"],"odd/key":{"til~de":"x"}}',
    ],
    ["yaml", { format: "yaml", secretKey: nested }, 'hosts:\n  - "a"\n  - "b"\n"odd/key":\n  "til~de": "x"\n'],
    ["properties", { format: "properties", secretKey: nested }, 'hosts=["a","b"]\nodd/key={"til~de":"x"}\n'],
    ["raw, decoded", { format: "raw", secretKey: { key: "hex" }, encoding: "hex" }, "\x00\xff"],
    ["envelope: the compatible form", { format: "envelope" }, /^{"data":{"data":{.*"mount_type":"kv"}$/],
    ["env, digits and all", { format: "env" }, /^b64='AP8=\n'\nempty=''\n.*port=12345678901234567890\nratio=1.0\n$/s],
  ])("%s", (_name, change, text) => {
    if (typeof text === "string") expect(contents(change)).toBe(text);
    else expect(contents(change)).toMatch(text);
  });

  test.each<[string, Partial<ObjectSpec>, string]>([
    ["a name that is no variable", { format: "env", secretKey: nested }, "odd/key"],
    [
      "a single value where a map is wanted",
      { format: "env", secretKey: { key: "port" } },
      "port at secret/data/app is no map",
    ],
    ["a secret that is no registry's login", { format: "dockerconfigjson" }, "no registry at secret/data/app"],
  ])("refuses %s, by name", (_name, change, says) => {
    expect(() => contents(change)).toThrow(says);
  });
});

describe("a folder with a file for every key", () => {
  const files = (
    change: Partial<ObjectSpec> & { keys?: string[]; rename?: Record<string, string> } = {},
    body = kv2,
  ) => {
    const { keys = [], rename = {}, ...rest } = change;
    const keyFiles = { keys, rename: new Map(Object.entries(rename)) };
    return Object.fromEntries(
      filesOf(object({ objectName: "app/", keyFiles, ...rest }), new Redacted(body), {
        responseBytes,
      }).map(({ path, contents: text }) => [path, text.reveal().toString()]),
    );
  };
  const flat = (data: JsonObject): JsonObject => ({ data });

  test("has each value as a key's file would, in the order of the keys", () => {
    expect(files({ keys: ["p*", "nested", "rat?o"] })).toEqual({
      "app/nested": '{"hosts":["a","b"],"odd/key":{"til~de":"x"}}',
      "app/password": "s3cret",
      "app/port": "12345678901234567890",
      "app/ratio": "1.0",
    });
  });

  test("may be the volume itself, a value within the secret, and have other names", () => {
    const change = { objectName: "/", secretKey: { key: "nested" }, rename: { "odd/key": "odd/key" } };
    expect(files(change)).toEqual({ hosts: '["a","b"]', "odd/key": '{"til~de":"x"}' });
  });

  test("follows the secret as its keys come and go", () => {
    expect(files({}, flat({ a: "1", b: "2" }))).toEqual({ "app/a": "1", "app/b": "2" });
    expect(files({}, flat({ b: "2", c: "3" }))).toEqual({ "app/b": "2", "app/c": "3" });
  });

  test.each<[string, Parameters<typeof files>[0], JsonObject, string]>([
    [
      "a key with a slash",
      {},
      flat({ "a/b": "x" }),
      'the key "a/b" at secret/data/app is no file name: it has a slash in it; give it another with rename',
    ],
    ["a key that the driver keeps for itself", { objectName: "/" }, flat({ "..data": "x" }), 'the key "..data"'],
    ["a key that climbs", {}, flat({ "..": "x" }), 'the key ".."'],
    [
      "a pattern that matches nothing",
      { keys: ["a", "DB_*"] },
      flat({ a: "x" }),
      'keys "DB_*" matches no key at secret/data/app (it has: a)',
    ],
    ["another name for nothing", { rename: { b: "c" } }, flat({ a: "x" }), 'rename "b" matches no key'],
    ["a secret without a key", {}, flat({}), "there is no key at secret/data/app"],
    [
      "two keys for one file",
      { rename: { a: "b" } },
      flat({ a: "x", b: "y" }),
      'the keys a and b at secret/data/app are both the file "app/b"',
    ],
    ["a value that is no map", { secretKey: { key: "a" } }, flat({ a: "x" }), "a at secret/data/app is no map"],
    [
      "more files than any program reads",
      {},
      flat(Object.fromEntries(Array.from({ length: 1_001 }, (_, n) => [`k${n}`, "x"]))),
      "has 1001 keys, more than 1000 files",
    ],
    [
      "patterns over more keys than they are tried on",
      { keys: ["*a*", "*b*", "*c*", "*d*", "*e*"] },
      flat(Object.fromEntries(Array.from({ length: 2_001 }, (_, n) => [`a${n}`, "x"]))),
      "has 2001 keys, too many to try 5 patterns on; choose some by their names",
    ],
  ])("refuses %s, by name", (_what, change, body, says) => {
    expect(() => files(change, body)).toThrow(says);
  });
});

describe("a file from a whole answer", () => {
  test("is the Go provider's JSON without what changes on every read", () => {
    expect(contents({}, { ...kv2, data: { b: "<2>", a: new LosslessNumber("1") } })).toBe(
      '{"data":{"a":1,"b":"\\u003c2\\u003e"},"warnings":null,"mount_type":"kv"}',
    );
  });

  test("is the same for two reads of one value", () => {
    expect(contents({}, { ...kv2, request_id: "r-2" })).toBe(contents({}));
  });
});

describe("a hostile secret costs what it weighs", () => {
  const megabytes = (character: string) => character.repeat(2 << 20);
  const deep = (levels: number, inner: Json): Json => (levels === 0 ? inner : { a: deep(levels - 1, inner) });
  const nested = deep(
    200,
    Array.from({ length: 10_000 }, () => ""),
  );

  test.each<[string, Json, Partial<ObjectSpec>]>([
    ["quotes in a shell's quotes", { A: megabytes("'") }, { format: "env" }],
    ["escapes of a properties file", { A: megabytes("\u00e9") }, { format: "properties" }],
    ["escapes in a property's name", { [megabytes(":")]: "" }, { format: "properties" }],
    ["leading spaces of a property", { A: megabytes(" ") }, { format: "properties" }],
    ["what HTML reads", { A: megabytes("<") }, { format: "json" }],
    ["what HTML reads, in a name", { [megabytes("&")]: "" }, { format: "json" }],
    ["what HTML reads, within the whole answer", { A: megabytes(">") }, {}],
    [
      "what HTML reads, in a registry's password",
      { registry: "r", username: "u", password: megabytes("<") },
      { format: "dockerconfigjson" },
    ],
    ["characters that YAML escapes", { A: megabytes("\u009f") }, { format: "yaml" }],
    ["indentation", nested, { format: "yaml" }],
    [
      "JSON within a file of its own",
      { A: [megabytes("<")] },
      { keyFiles: { keys: [], rename: new Map() }, objectName: "a/" },
    ],
    ["JSON as the value of a variable", { A: [megabytes("<")] }, { format: "env" }],
    ["JSON of one value", { A: [megabytes("<")] }, { secretKey: { key: "A" } }],
  ])("%s: refused before it is made", (_name, value, change) => {
    const began = threadCpuMs();
    expect(() => contents(change, { data: value })).toThrow(
      new ProviderError(
        "limit_exceeded",
        "the file is longer than the 100000 bytes that fit one answer to the driver; choose one value with secretKey, or another format",
      ),
    );
    expect(threadCpuMs() - began).toBeLessThan(1_000);
  });

  test("files of a folder have the room of one answer together", () => {
    const change = { keyFiles: { keys: [], rename: new Map() }, objectName: "a/" };
    const listOf = (bytes: number): Json => ["x".repeat(bytes)];
    const data = (bytes: number) => ({ data: { a: listOf(bytes), b: listOf(bytes) } });
    expect(contents(change, data(responseBytes / 2 - 100))).toHaveLength(responseBytes / 2 - 96);
    expect(() => contents(change, data(responseBytes / 2 + 100))).toThrow("the file is longer than");
  });
});
