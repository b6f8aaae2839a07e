import { describe, expect, test } from "vitest";
import { ProviderError } from "../shared/errors.js";
import { parseMountRequest } from "../../dev/testing/parse-mount-request.js";
import { ClassCache } from "./class-cache.js";
import type { WireMountRequest } from "./mount-request.js";
import type { ClassSpec, MountSpec } from "./mount-spec.js";

const tokensKey = "csi.storage.k8s.io/serviceAccount.tokens";
const tokens = JSON.stringify({ vault: { token: "a.b.c", expirationTimestamp: "2026-01-01T00:00:00Z" } });

const attributes = {
  "csi.storage.k8s.io/pod.name": "web-0",
  "csi.storage.k8s.io/pod.namespace": "shop",
  "csi.storage.k8s.io/pod.uid": "0b2c",
  "csi.storage.k8s.io/serviceAccount.name": "web",
  "csi.storage.k8s.io/ephemeral": "true",
  [tokensKey]: tokens,
  secretProviderClass: "web-secrets",
  roleName: "web",
  objects: "- objectName: db/password\n  secretPath: secret/data/db\n  secretKey: password\n",
};

type Attributes = Record<string, unknown>;

function wire(change: Attributes = {}, fields: Partial<WireMountRequest> = {}): WireMountRequest {
  const kept = Object.entries({ ...attributes, ...change }).filter(([, value]) => value !== undefined);
  return {
    attributes: JSON.stringify(Object.fromEntries(kept)),
    secrets: "null",
    targetPath: "/var/lib/kubelet/pods/0b2c/volumes/kubernetes.io~csi/secrets/mount",
    permission: "420",
    ...fields,
  };
}

function parse(change: Attributes = {}, fields: Partial<WireMountRequest> = {}): MountSpec {
  return parseMountRequest(wire(change, fields), options());
}

function options() {
  return { refreshIntervalMs: 120_000, classes: new ClassCache(1 << 20) };
}

function refusalOf(change: Attributes = {}, fields: Partial<WireMountRequest> = {}): ProviderError {
  try {
    parse(change, fields);
  } catch (error) {
    if (error instanceof ProviderError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

test("a driver's request becomes a spec", () => {
  const { tokens: offered, parametersDigest, ...spec } = parse();
  expect(spec).toEqual({
    pod: { namespace: "shop", name: "web-0", uid: "0b2c", serviceAccount: "web" },
    className: "web-secrets",
    class: {
      roleName: "web",
      onDenied: "keep",
      objects: [
        {
          objectName: "db/password",
          request: { method: "GET", path: "secret/data/db", query: "" },
          secretKey: { key: "password" },
          encoding: "utf-8",
          refreshIntervalMs: 120_000,
        },
      ],
      overruled: [],
      unknown: [],
    },
    targetPath: "/var/lib/kubelet/pods/0b2c/volumes/kubernetes.io~csi/secrets/mount",
    defaultMode: 0o644,
  });
  expect(parametersDigest).toMatch(/^[0-9a-f]{64}$/);
  expect(offered.get("vault")?.jwt.reveal()).toBe("a.b.c");
  expect(offered.get("vault")?.expiresAt).toBe(Date.UTC(2026, 0, 1));
});

describe("contract 6: what drivers send beside the attributes", () => {
  test.each<[string, string]>([
    ["no text", ""],
    ["null", "null"],
    ["an empty map", "{}"],
    ["a user's keys", '{"password":"canary"}'],
    ["no JSON", "{canary"],
  ])("takes secrets that are %s", (_name, secrets) => {
    expect(JSON.stringify(parse({}, { secrets }))).not.toContain("canary");
  });

  test("takes the tokens from the secrets when the attributes have none", () => {
    const secrets = JSON.stringify({ [tokensKey]: tokens, password: "canary" });
    const spec = parse({ [tokensKey]: undefined }, { secrets });
    expect([...spec.tokens.keys()]).toEqual(["vault"]);
  });

  test("takes the tokens of the secrets when both have them, as driver 1.6 does", () => {
    const secrets = JSON.stringify({ [tokensKey]: JSON.stringify({ other: { token: "x" } }) });
    expect([...parse({}, { secrets }).tokens.keys()]).toEqual(["other"]);
  });

  test.each<[string, number]>([
    ["420", 0o644],
    ["384", 0o600],
    ["0", 0o644],
    ["", 0o644],
  ])("takes permission %j", (permission, mode) => {
    expect(parse({}, { permission }).defaultMode).toBe(mode);
  });

  test.each(["garbage", "-1", "512", "1e2", '"420"', "4.2"])("refuses permission %j", (permission) => {
    expect(refusalOf({}, { permission }).message).toContain("the permission");
  });

  test.each<[string, string, RegExp]>([
    ["invalid JSON", "{", /not a JSON object/],
    ["a list", "[]", /not a JSON object/],
    ["null", "null", /not a JSON object/],
    ["a megabyte", JSON.stringify({ a: "x".repeat(1 << 20) }), /longer than 256 KiB/],
    [
      "values that are not strings",
      '{"a":1,"b":null,"c":[]}',
      /"a" must be a string, not a number.*"b".*null.*"c".*a list/,
    ],
    ["half a character", '{"a":"\\ud800"}', /"a" holds half a character/],
    ["half a character in a name", '{"\\udc00":"a"}', /holds half a character/],
  ])("refuses attributes that are %s", (_name, text, message) => {
    expect(() => parseMountRequest({ ...wire(), attributes: text }, options())).toThrow(message);
  });
});

describe("contract 7: what may be missing or odd", () => {
  test("needs neither ephemeral nor secretProviderClass nor tokens", () => {
    const spec = parse({
      "csi.storage.k8s.io/ephemeral": undefined,
      secretProviderClass: undefined,
      [tokensKey]: undefined,
    });
    expect(spec.className).toBeUndefined();
    expect(spec.tokens.size).toBe(0);
  });

  test("trims audiences, and an exact one wins", () => {
    const offered = {
      " vault": { token: "second" },
      " aud2": { token: "two" },
      vault: { token: "first" },
      "": { token: "api" },
    };
    const read = parse({ [tokensKey]: JSON.stringify(offered) }).tokens;
    expect([...read].map(([audience, { jwt }]) => [audience, jwt.reveal()])).toEqual([
      ["vault", "first"],
      ["aud2", "two"],
      ["", "api"],
    ]);
  });

  test.each<[string, string]>([
    ["no JSON", "canary"],
    ["a list", "[]"],
    ["a text", '"canary"'],
    ["a number", "1"],
    ["a token that is a list", '{"vault":["canary"]}'],
    ["a token that is null", '{"vault":null}'],
    ["a token that is no text", '{"vault":{"token":1}}'],
    ["an expiry that is no text", '{"vault":{"token":"canary","expirationTimestamp":1}}'],
    ["five megabytes", `{"vault":{"token":"${"x".repeat(200 << 10)}"}}`],
    [
      "a hundred audiences",
      JSON.stringify(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i, { token: "" }]))),
    ],
  ])("refuses tokens that are %s", (_name, text) => {
    const { message } = refusalOf({ [tokensKey]: text });
    expect(message).toContain(tokensKey);
    expect(message).not.toContain("canary");
  });

  test.each([
    ["pod.namespace", undefined, /pod\.namespace is missing/],
    ["serviceAccount.name", "", /serviceAccount\.name is missing/],
    ["pod.namespace", "a/b", /pod\.namespace is not a name/],
    ["pod.uid", "../x", /pod\.uid is not a name/],
    ["pod.name", "a\nb", /pod\.name is not a name/],
  ])("refuses %s %j", (key, value, message) => {
    expect(refusalOf({ [`csi.storage.k8s.io/${key}`]: value }).message).toMatch(message);
  });

  test("takes the sync controller's pod without a name", () => {
    const spec = parse(
      { "csi.storage.k8s.io/pod.name": "", "csi.storage.k8s.io/pod.uid": "" },
      { targetPath: "/mnt/secrets-store" },
    );
    expect(spec.pod).toMatchObject({ name: "", uid: "" });
  });
});

describe("parameters", () => {
  test("every mistake is named at once", () => {
    const objects =
      "- objectName: ../x\n  secretPath: a/../b\n  encoding: rot13\n  secretKey: a\n- objectName: b\n  method: BREW\n";
    const { code, message } = refusalOf({ roleName: "", objects }, { permission: "x" });
    expect(code).toBe("invalid_request");
    for (const part of [
      "roleName",
      'objects[0] "../x": objectName',
      "secretPath",
      "encoding",
      'objects[1] "b": method',
      "the permission",
    ]) {
      expect(message).toContain(part);
    }
  });

  test.each<[string, Attributes, Partial<ClassSpec>]>([
    [
      "every vault spelling",
      { vaultAddress: "https://v", vaultNamespace: "/team/", vaultAuthMountPath: "auth/jwt/" },
      { address: "https://v", vaultNamespace: "team", authMount: "jwt" },
    ],
    [
      "every bao spelling",
      {
        roleName: undefined,
        baoRoleName: "r",
        baoAddress: "https://b",
        baoNamespace: "n",
        baoKubernetesMountPath: "k8s",
      },
      { roleName: "r", address: "https://b", vaultNamespace: "n", authMount: "k8s" },
    ],
    [
      "every openbao spelling",
      { roleName: undefined, openbaoRoleName: "r", openbaoAddress: "https://b", openbaoAuthMountPath: "k8s" },
      { roleName: "r", address: "https://b", authMount: "k8s" },
    ],
    [
      "bao before openbao before vault, telling of the others",
      { baoAddress: "https://a", openbaoAddress: "https://b", vaultAddress: "https://a" },
      { address: "https://a", unknown: ["openbaoAddress is not used, because baoAddress says otherwise"] },
    ],
    ["an audience", { audience: " api " }, { audience: "api" }],
    ["our own", { connection: "eu", onDenied: "fail" }, { connection: "eu", onDenied: "fail" }],
    ["an empty parameter as none", { vaultNamespace: "", audience: "" }, {}],
    [
      "TLS parameters as overruled",
      { vaultSkipTLSVerify: "true", baoCACertPath: "/etc/passwd" },
      { overruled: ["baoCACertPath", "vaultSkipTLSVerify"] },
    ],
    [
      "an unknown parameter as ignored, with a suggestion",
      { roleNmae: "x" },
      { unknown: ["roleNmae is not a parameter; did you mean roleName?"] },
    ],
  ])("reads %s", (_name, change, expected) => {
    const spec = parse(change).class;
    expect(spec).toMatchObject(expected);
    if (!expected.audience) expect(spec.audience).toBeUndefined();
  });

  test.each<[string, Attributes, RegExp]>([
    ["no role", { roleName: undefined }, /roleName is missing/],
    [
      "both auth mounts",
      { vaultAuthMountPath: "a", vaultKubernetesMountPath: "b" },
      /both set; keep vaultAuthMountPath/,
    ],
    ["an auth mount that climbs", { vaultAuthMountPath: "../sys" }, /vaultAuthMountPath holds a step/],
    ["a namespace with a line break", { vaultNamespace: "a\r\nX-Evil: 1" }, /vaultNamespace holds a control character/],
    ["a role with a line break", { roleName: "a\nb" }, /roleName holds a control character/],
    ["an onDenied of its own", { onDenied: "panic" }, /onDenied "panic" is not known; write keep or fail/],
    [
      "a rolloutOnChange of its own",
      { rolloutOnChange: "no" },
      /rolloutOnChange "no" is not known; write true or false/,
    ],
    ["a refreshInterval without a unit", { refreshInterval: "30" }, /refreshInterval "30" is not a duration/],
    ["a refreshInterval below a second", { refreshInterval: "10ms" }, /not within 1s/],
    ["no objects", { objects: undefined }, /objects is missing/],
  ])("refuses %s", (_name, change, message) => {
    expect(refusalOf(change).message).toMatch(message);
  });

  test.each<[string | undefined, (false | undefined)[]]>([
    [undefined, [undefined, undefined, false]],
    ["", [undefined, undefined, false]],
    ["true", [undefined, undefined, false]],
    ["false", [false, undefined, false]],
  ])("the class's rolloutOnChange %j is for objects that say nothing of it", (rolloutOnChange, expected) => {
    const fields = ["", ", rolloutOnChange: true", ", rolloutOnChange: false"];
    const objects = fields.map((field, n) => `- {objectName: f${n}, secretPath: s/a${field}}`).join("\n");
    const asked = parse({ objects, ...(rolloutOnChange !== undefined && { rolloutOnChange }) }).class.objects;
    expect(asked.map((object) => object.rolloutOnChange)).toEqual(expected);
  });

  test("the class's refreshInterval is for objects that name none", () => {
    const objects = "- {objectName: a, secretPath: s/a}\n- {objectName: b, secretPath: s/b, refreshInterval: 1h30m}";
    const intervals = parse({ refreshInterval: "30s", objects }).class.objects.map(
      (object) => object.refreshIntervalMs,
    );
    expect(intervals).toEqual([30_000, 5_400_000]);
  });

  test("issued answers have the interval that the class or object says, and never the administrator's", () => {
    const objects = "- {objectName: a, secretPath: s/a}\n- {objectName: b, secretPath: s/b, refreshInterval: 1h}";
    const of = (change: object) => parse({ ...change, objects }).class.objects.map((object) => object.issuedIntervalMs);
    expect(of({})).toEqual([undefined, 3_600_000]);
    expect(of({ refreshInterval: "30s" })).toEqual([30_000, 3_600_000]);
  });

  test("lifetime is the object's own", () => {
    const objects = "- {objectName: a, secretPath: s/a}\n- {objectName: b, secretPath: s/b, lifetime: 30m}";
    expect(parse({ objects }).class.objects.map((object) => object.lifetimeMs)).toEqual([undefined, 1_800_000]);
  });
});

describe("the digest of the parameters", () => {
  test("does not change with the pod, its tokens, or the order of keys", () => {
    const other = { ...attributes, "csi.storage.k8s.io/pod.uid": "ffff", [tokensKey]: "{}" };
    const reversed = JSON.stringify(Object.fromEntries(Object.entries(other).reverse()));
    const { parametersDigest } = parseMountRequest({ ...wire(), attributes: reversed }, options());
    expect(parametersDigest).toBe(parse().parametersDigest);
  });

  test("changes with any parameter", () => {
    expect(parse({ roleName: "other" }).parametersDigest).not.toBe(parse().parametersDigest);
    expect(parse({ whatever: "" }).parametersDigest).not.toBe(parse().parametersDigest);
    // The same characters, at other places.
    const alike = [
      { a: "1:b1:xy" },
      { a: "1:b", "1:x": "y" },
      { a: "", b: "xy" },
      { a: "x", b: "y" },
      { a: "xy", b: "" },
    ];
    expect(new Set(alike.map((own) => parse(own).parametersDigest)).size).toBe(alike.length);
  });
});

test("a class that was read is not read again", () => {
  const shared = options();
  const first = parseMountRequest(wire(), shared);
  const again = parseMountRequest(wire({ "csi.storage.k8s.io/pod.uid": "ffff" }), shared);
  expect(again.class).toBe(first.class);
});
