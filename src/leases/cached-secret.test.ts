import { describe, expect, test } from "vitest";
import { makeIdentity } from "../../dev/testing/certificates.js";
import { sampleStoredToken, usualRules } from "../../dev/testing/test-credentials.js";
import type { VaultMethod } from "../mount/mount-spec.js";
import { parseExactJson } from "../shared/exact-json.js";
import type { JsonObject } from "../shared/json.js";
import { Redacted } from "../shared/redacted.js";
import type { StoredToken } from "../vault/stored-token.js";
import { newTerm } from "../vault/term.js";
import {
  type Ages,
  type AnswerKind,
  type CachedSecret,
  answerOf,
  endsAt,
  isDead,
  isDue,
  replaceAt,
} from "./cached-secret.js";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const madeAt = Date.parse("2026-01-01T00:00:00Z");
const leadMs = 5 * minute;

interface Asked {
  method?: VaultMethod;
  path?: string;
  lifetimeMs?: number;
  stored?: StoredToken;
}

/** The answer of a request at 0. */
function answered(
  body: object | null,
  { method = "POST", path = "engine/x", lifetimeMs, stored = sampleStoredToken() }: Asked = {},
): CachedSecret {
  const parsed = parseExactJson(Buffer.from(JSON.stringify(body))) as JsonObject | null;
  const reply = { body: new Redacted(parsed), bytes: 100, requestedAt: 0 };
  const times = { wall: madeAt, monotonic: 0, draw: 0.5, rules: usualRules, lifetimeMs };
  return answerOf({ method, path, query: "" }, reply, stored, times);
}

const token = { token: "t", ttl: 3_600 };
const kv2 = { data: token, metadata: { created_time: "2026-01-01T00:00:00Z", version: 1 } };
const identity = { certificate: "c", private_key: "k", serial_number: "1" };
const staticRole = { username: "u", password: "p", ttl: 60, last_vault_rotation: "2026-01-01T00:00:00Z" };

test.each<[AnswerKind, string, VaultMethod, string, object | null]>([
  ["issued", "a token by GET", "GET", "identity/oidc/token/app", { mount_type: "identity", data: token }],
  ["issued", "a token by GET, of OpenBao", "GET", "identity/oidc/token/app", { data: token }],
  ["issued", "a token of Google Cloud", "GET", "gcp/roleset/a/token", { data: { token: "t", token_ttl: 3_599 } }],
  ["static", "a token without an end", "GET", "plugin/token", { data: { token: "t" } }],
  ["static", "a ttl without a token", "GET", "plugin/role", { data: { ttl: 3_600 } }],
  ["static", "a token with ttl in KV v2", "GET", "secret/data/a", { mount_type: "kv", data: kv2 }],
  ["static", "a token with ttl in KV v2 of OpenBao", "GET", "secret/data/a", { data: kv2 }],
  ["static", "a token with ttl in KV v1", "GET", "kv/a", { mount_type: "kv", lease_duration: 3_600, data: token }],
  ["static", "a token with ttl in KV v1 of OpenBao", "GET", "kv/a", { lease_duration: 3_600, data: token }],
  ["static", "a token with ttl in the cubbyhole", "GET", "cubbyhole/a", { data: token }],
  ["static", "a static role with a token", "GET", "ad/static-cred/a", { data: { ...staticRole, token: "t" } }],
  ["issued", "a certificate with its key by GET", "GET", "venafi/issue/a", { mount_type: "venafi", data: identity }],
  ["issued", "the same of OpenBao", "GET", "venafi/issue/a", { data: identity }],
  ["static", "a certificate with its key in KV v1 of OpenBao", "GET", "kv/a", { lease_duration: 60, data: identity }],
  ["static", "a certificate alone", "GET", "pki/cert/ca", { mount_type: "pki", data: { certificate: "c" } }],
  ["static", "a LIST", "LIST", "identity/oidc/token", { data: token }],
  ["issued", "another method", "PUT", "transit/decrypt/a", { data: { plaintext: "" } }],
  ["issued", "another method without a body", "POST", "engine/x", null],
])("%s: %s", (kind, _what, method, path, body) => {
  expect(answered(body, { method, path }).kind).toBe(kind);
});

test.each([
  ["Vault", { mount_type: "database", data: staticRole }, 62 * second],
  ["OpenBao, which names no engine", { data: staticRole }, 62 * second],
  ["KV v1, which means nothing by it", { lease_duration: 60, data: staticRole }, undefined],
])("a static role of %s is read again once it has turned", (_what, body, turnsAt) => {
  expect(answered(body, { method: "GET" }).turnsAt).toBe(turnsAt);
});

describe("an issued answer", () => {
  const ages = (more: Partial<Ages> = {}): Ages => ({ refreshIntervalMs: 2 * minute, ...more });
  /** The first time at which it is due. */
  const dueAt = (answer: CachedSecret, allowed: Ages) => {
    const times = Array.from({ length: 121 }, (_, minutes) => minutes * minute);
    return times.find((now) => isDue(answer, allowed, now, leadMs)) ?? Infinity;
  };
  const ofAnHour = { data: token };
  const endless = { data: { plaintext: "" } };

  test.each<[string, object, Partial<Ages>, number]>([
    ["that tells its end is replaced at two thirds of its life", ofAnHour, {}, 40 * minute],
    ["that tells no end is kept", endless, {}, Infinity],
    ["that tells no end has that of lifetime", endless, { lifetimeMs: hour }, 40 * minute],
    ["ends with its lifetime, if that is earlier", ofAnHour, { lifetimeMs: hour / 2 }, 20 * minute],
    ["ends itself, if that is earlier", ofAnHour, { lifetimeMs: 2 * hour }, 40 * minute],
    ["is replaced by refreshInterval, where the class has one", ofAnHour, { issuedIntervalMs: 3 * minute }, 3 * minute],
    ["is replaced by its end before a later refreshInterval", ofAnHour, { issuedIntervalMs: hour }, 40 * minute],
    ["that tells no end is replaced by refreshInterval", endless, { issuedIntervalMs: hour }, hour],
  ])("%s", (_what, body, more, at) => {
    const { lifetimeMs } = more;
    expect(dueAt(answered(body, { ...(lifetimeMs !== undefined && { lifetimeMs }) }), ages(more))).toBe(at);
    // A class may get these fields after the answer was issued.
    expect(dueAt(answered(body), ages(more))).toBe(at);
  });

  test("tells when it ends and is replaced", () => {
    const answer = answered(ofAnHour, { lifetimeMs: hour / 2 });
    expect([replaceAt(answer, leadMs), endsAt(answer)]).toEqual([20 * minute, 30 * minute]);
  });

  test("by GET is one if its author says that it ends, and is no KV secret", () => {
    const kindBy = (body: object) => answered(body, { method: "GET", path: "a/b", lifetimeMs: hour }).kind;
    expect(kindBy({ data: { password: "p" } })).toBe("issued");
    expect(kindBy({ data: staticRole })).toBe("static");
    expect(kindBy({ data: { data: { password: "p" }, metadata: kv2.metadata } })).toBe("static");
  });
});

describe("a token that was issued", () => {
  const granted = (durationMs: number, renewable = false) =>
    newTerm({ requestedAt: 0, durationMs, renewable }, usualRules, 0.5);
  const grant = (seconds: number, orphan: boolean) => ({
    auth: { client_token: "t", lease_duration: seconds, orphan },
  });
  const [child, endlessChild, orphan] = [grant(36_000, false), grant(0, false), grant(36_000, true)];

  test.each<[string, object, Partial<StoredToken>, [replaced: number, ends: number]]>([
    ["a child, with the parent's grant that is renewed", child, { term: granted(hour, true) }, [48 * minute, hour]],
    ["a child, with a parent whose end is in sight", child, { term: granted(hour) }, [48 * minute, hour]],
    ["a child, by itself before its parent", child, { term: granted(100 * hour) }, [400 * minute, 10 * hour]],
    ["a child that has no end, with its parent", endlessChild, { term: granted(hour) }, [48 * minute, hour]],
    ["an orphan, by itself", orphan, { term: granted(hour) }, [400 * minute, 10 * hour]],
  ])("is replaced and ends: %s", (_what, body, parent, times) => {
    const answer = answered(body, { stored: sampleStoredToken(parent) });
    expect([replaceAt(answer, leadMs), endsAt(answer)]).toEqual(times);
  });

  test("is what an engine's method makes: a static answer that names an `auth` without a token stays its pod's", () => {
    const stored = sampleStoredToken({ state: "dead" });
    const answer = answered(
      { auth: { policies: ["a"] }, data: { value: "1" } },
      { method: "GET", path: "kv/a", stored },
    );
    expect([answer.kind, isDead(answer), endsAt(answer)]).toEqual(["static", false, Infinity]);
  });

  test.each<[string, object, Partial<StoredToken>, boolean]>([
    ["a child of a dead one", child, { state: "dead" }, true],
    ["a child of one whose uses are over", child, { usesLeft: 0 }, true],
    ["a child of one that another has replaced", child, { state: "retired" }, false],
    ["an orphan of a dead one", orphan, { state: "dead" }, false],
  ])("is dead: %s: %s", (_what, body, parent, dead) => {
    expect(isDead(answered(body, { stored: sampleStoredToken(parent) }))).toBe(dead);
  });
});

test("a lease ends as Vault says, whatever its author says", () => {
  const lease = { id: new Redacted("database/creds/a/x"), renewable: true, durationMs: hour };
  const reply = { body: new Redacted({ data: {} }), bytes: 100, requestedAt: 0, lease };
  const request = { method: "GET", path: "database/creds/a", query: "" } as const;
  const times = { wall: madeAt, monotonic: 0, draw: 0.5, rules: usualRules, lifetimeMs: minute };
  const answer = answerOf(request, reply, sampleStoredToken(), times);
  expect(endsAt(answer)).toBe(hour);
  expect(
    isDue(answer, { refreshIntervalMs: minute, issuedIntervalMs: minute, lifetimeMs: minute }, hour / 2, leadMs),
  ).toBe(false);
});

test("a certificate of PKI ends at its NotAfter", () => {
  const { cert } = makeIdentity({ commonName: "web", notBefore: madeAt - minute / 2, notAfter: madeAt + hour });
  expect(endsAt(answered({ data: { ...identity, certificate: cert } }, { path: "pki/issue/web" }))).toBe(hour);
});
