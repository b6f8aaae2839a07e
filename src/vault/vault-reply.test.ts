import { describe, expect, test } from "vitest";
import type { JsonObject } from "../shared/json.js";
import { parseExactJson } from "../shared/exact-json.js";
import { leaseIn, mountIn, tokenIn } from "./vault-reply.js";

const body = (value: object | string): JsonObject =>
  parseExactJson(Buffer.from(typeof value === "string" ? value : JSON.stringify(value))) as JsonObject;

describe("a login's grant", () => {
  const auth = { client_token: "hvs.x", accessor: "acc", lease_duration: 3600, renewable: true, token_type: "service" };
  const grant = (change: object) => tokenIn(body({ auth: { ...auth, ...change } }), 7);

  test("is understood", () => {
    const token = grant({ num_uses: 0 });
    expect({ ...token, secret: token.secret.reveal() }).toEqual({
      secret: "hvs.x",
      accessor: "acc",
      type: "service",
      renewable: true,
      issuedAt: 7,
      ttlMs: 3_600_000,
    });
  });

  test("may be a batch token, have a number of uses, never end", () => {
    expect(grant({ token_type: "batch", accessor: "", renewable: false })).toMatchObject({
      type: "batch",
      accessor: "",
    });
    expect(grant({ num_uses: 3 })).toMatchObject({ uses: 3 });
    expect(grant({ lease_duration: 0 })).not.toHaveProperty("ttlMs");
  });

  test.each<[string, object | null]>([
    ["no body", null],
    ["no auth", {}],
    ["null for auth", { auth: null }],
    ["a text for auth", { auth: "hvs.x" }],
    ["no token", { auth: { ...auth, client_token: undefined } }],
    ["an empty token", { auth: { ...auth, client_token: "" } }],
    ["a token that would break a header", { auth: { ...auth, client_token: "a\r\nX-Evil: 1" } }],
    ["a token of 10 kB", { auth: { ...auth, client_token: "x".repeat(10_000) } }],
    ["no lease_duration", { auth: { ...auth, lease_duration: undefined } }],
    ["a text for lease_duration", { auth: { ...auth, lease_duration: "3600" } }],
    ["a negative lease_duration", { auth: { ...auth, lease_duration: -1 } }],
    ["a broken lease_duration", { auth: { ...auth, lease_duration: 1.5 } }],
    ["negative uses", { auth: { ...auth, num_uses: -1 } }],
  ])("with %s is none", (_name, answer) => {
    expect(() => tokenIn(answer && body(answer), 0)).toThrow(expect.objectContaining({ kind: "protocol" }));
  });

  test("of 1e308 seconds is none", () => {
    expect(() => tokenIn(body('{"auth":{"client_token":"x","lease_duration":1e308}}'), 0)).toThrow("lease_duration");
  });
});

describe("a lease", () => {
  test("is recognised by its id: KV v1's advisory duration is no lease", () => {
    expect(leaseIn(body({ lease_id: "", lease_duration: 2764800 }))).toBeUndefined();
    expect(leaseIn(body({}))).toBeUndefined();
    const lease = leaseIn(body({ lease_id: "database/creds/app/x", lease_duration: 60, renewable: true }));
    expect(lease).toMatchObject({ durationMs: 60_000, renewable: true });
    expect(lease?.id.reveal()).toBe("database/creds/app/x");
  });

  test.each([
    { lease_id: 7 },
    { lease_id: "x" },
    { lease_id: "x", lease_duration: "1h" },
    { lease_id: "x".repeat(5_000), lease_duration: 60 },
  ])("cannot be %j", (answer) => {
    expect(() => leaseIn(body(answer))).toThrow(expect.objectContaining({ kind: "protocol" }));
  });
});

describe("a mount", () => {
  const mount = (path: string, more: object = {}) => body({ data: { path, type: "kv", options: null, ...more } });

  test.each<[string, string, string, string]>([
    ["", "secret/app", "secret/", "secret"],
    ["", "secret", "secret/", "secret"],
    ["", "team/kv/data/app", "team/kv/", "team/kv"],
    ["team", "secret/app", "secret/", "secret"],
    ["team", "team/secret/app", "team/secret/", "team/secret"],
    ["", "ns1/secret/app", "ns1/secret/", "ns1/secret"],
    ["team/a", "ns1/secret/app", "team/a/ns1/secret/", "ns1/secret"],
    ["team", "ns1/secret/app", "secret/", "ns1/secret"],
  ])("in namespace %j, of %s, that is called %s begins the path: %s", (vaultNamespace, below, path, found) => {
    expect(mountIn(mount(path), vaultNamespace, below)).toEqual({ found: "mount", path: found, kv: 1 });
  });

  test.each<[object, object]>([
    [{ options: { version: "2" } }, { kv: 2 }],
    [{ options: { version: "1" } }, { kv: 1 }],
    [{ type: "generic" }, { kv: 1 }],
    [{ type: "pki", options: { version: "2" } }, {}],
    [{ type: "kv-like" }, {}],
  ])("%j is %j", (more, kv) => {
    expect(mountIn(mount("secret/", more), "", "secret/app")).toEqual({ found: "mount", path: "secret", ...kv });
  });

  test.each([
    ["nothing", null],
    ["no data", body({})],
    ["no path", body({ data: { type: "kv" } })],
    ["an empty path", mount("")],
    ["a path without an end", mount("secret")],
    ["the start of a step", mount("sec/")],
    ["another path", mount("other/")],
  ])("is not in an answer with %s", (_what, answer) => {
    expect(() => mountIn(answer, "", "secret/app")).toThrow("Vault's answer cannot be used");
  });

  test("is not the Vault namespace itself", () => {
    expect(() => mountIn(mount("team/"), "team", "secret/app")).toThrow("Vault's answer cannot be used");
  });
});
