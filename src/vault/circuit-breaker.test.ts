import { beforeEach, describe, expect, test } from "vitest";
import { CircuitBreaker, type CircuitTarget } from "./circuit-breaker.js";
import { VaultError } from "./vault-error.js";

const slow = new VaultError("engine", "no answer in time");
let breaker: CircuitBreaker;

beforeEach(() => {
  breaker = new CircuitBreaker(() => 0.5);
});

const target = (change: Partial<CircuitTarget> = {}): CircuitTarget => ({
  namespace: "shop",
  vaultNamespace: "",
  engine: "database",
  path: "database/creds/app",
  ...change,
});
function fail(of: CircuitTarget, times: number, now = 0) {
  for (let time = 0; time < times; time += 1) breaker.failed(of, slow, true, now);
}

describe("a path that fails three times in a row", () => {
  test("gets no request for a second, and callers get the reason", () => {
    fail(target(), 2);
    expect(breaker.refusal(target(), 0)).toBeUndefined();
    fail(target(), 1);
    expect(breaker.refusal(target(), 0)).toMatchObject({
      kind: "engine",
      message: "no answer in time; it is asked again in 1 s",
    });
    expect(breaker.openCount(0)).toBe(1);
  });

  test.each<[string, Partial<CircuitTarget>]>([
    ["another path of the engine", { path: "database/creds/other" }],
    ["another Kubernetes namespace", { namespace: "other" }],
    ["another Vault namespace", { vaultNamespace: "team" }],
    ["another engine", { engine: "secret", path: "secret/data/app" }],
  ])("says nothing of %s", (_what, change) => {
    fail(target(), 9);
    expect(breaker.refusal(target(change), 0)).toBeUndefined();
  });

  test("is then asked by one request, while the others go on being refused", () => {
    fail(target(), 3);
    expect(breaker.admit(target(), 1_000)).toBeUndefined();
    expect(breaker.admit(target(), 1_000)).toMatchObject({ message: "no answer in time; it is asked again in 1 s" });
    breaker.undecided(target());
    expect(breaker.admit(target(), 1_000)).toBeUndefined();
    breaker.succeeded(target());
    expect([breaker.refusal(target(), 1_000), breaker.openCount(1_000)]).toEqual([undefined, 0]);
  });

  test("is asked by one request again after one that failed", () => {
    fail(target(), 3);
    expect(breaker.admit(target(), 1_000)).toBeUndefined();
    fail(target(), 1, 1_000);
    expect(breaker.admit(target(), 2_999)).toMatchObject({ kind: "engine" });
    expect(breaker.admit(target(), 3_000)).toBeUndefined();
  });

  test("is left alone for longer each time, thirty seconds at most", () => {
    fail(target(), 3);
    for (const now of [1_000, 3_000, 7_000, 15_000, 31_000, 61_000]) fail(target(), 1, now);
    expect(breaker.refusal(target(), 90_999)).toBeDefined();
    expect(breaker.refusal(target(), 91_000)).toBeUndefined();
  });

  test("is not left alone longer for what was under way when it opened", () => {
    fail(target(), 60);
    expect(breaker.refusal(target(), 1_000)).toBeUndefined();
  });
});

test("three paths that fail in a row say so of their engine; one that succeeds, of none", () => {
  const creds = (role: string) => target({ path: `database/creds/${role}` });
  for (const role of ["a", "b"]) fail(creds(role), 1);
  breaker.succeeded(creds("c"));
  for (const role of ["f", "g"]) fail(creds(role), 1);
  expect(breaker.refusal(creds("d"), 0)).toBeUndefined();
  fail(creds("e"), 1);
  expect(breaker.refusal(creds("d"), 0)).toMatchObject({ kind: "engine" });
  for (const change of [{ namespace: "other" }, { vaultNamespace: "team" }])
    expect(breaker.refusal(target({ ...change, path: "database/creds/d" }), 0)).toBeUndefined();
});

test("a path that once had no answer in time gets all the time there is from then on", () => {
  breaker.failed(target(), slow, false, 0);
  expect(breaker.timedOut(target())).toBe(false);
  fail(target(), 1);
  expect(breaker.timedOut(target())).toBe(true);
  breaker.succeeded(target());
  expect([breaker.timedOut(target()), breaker.timedOut(target({ path: "database/creds/other" }))]).toEqual([
    true,
    false,
  ]);
  fail(target(), 2);
  expect(breaker.refusal(target(), 0)).toBeUndefined();
});

test("remembers only so many", () => {
  for (let n = 0; n < 5_000; n += 1) fail(target({ path: `p/${n}`, engine: `e/${n}` }), 3);
  expect(breaker.openCount(0)).toBeLessThanOrEqual(1_024);
});
