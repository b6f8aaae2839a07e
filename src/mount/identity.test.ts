import { describe, expect, test } from "vitest";
import { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import { chooseToken } from "./identity.js";
import type { OfferedToken, PodIdentity } from "./mount-spec.js";

const now = Date.UTC(2026, 0, 1);
const minute = 60_000;
const pod: PodIdentity = { namespace: "shop", name: "web-0", uid: "uid-1", serviceAccount: "web" };

interface Bearer {
  namespace?: unknown;
  serviceaccount?: unknown;
  pod?: unknown;
}

function jwt(bearer: Bearer = {}, claims: Record<string, unknown> = {}): string {
  const kubernetes = {
    namespace: "shop",
    serviceaccount: { name: "web", uid: "sa-1" },
    pod: { name: "web-0", uid: "uid-1" },
    ...bearer,
  };
  const payload = { aud: ["vault"], exp: now / 1_000 + 600, sub: "canary", "kubernetes.io": kubernetes, ...claims };
  return ["{}", JSON.stringify(payload), "canary"].map((part) => Buffer.from(part).toString("base64url")).join(".");
}

function offer(tokens: Record<string, string>, expiresAt?: number): ReadonlyMap<string, OfferedToken> {
  return new Map(
    Object.entries(tokens).map(([audience, token]) => [
      audience,
      { jwt: new Redacted(token), ...(expiresAt && { expiresAt }) },
    ]),
  );
}

function refusalOf(tokens: ReadonlyMap<string, OfferedToken>, audiences = ["vault"]): ProviderError {
  try {
    chooseToken(tokens, audiences, pod, now);
  } catch (error) {
    if (error instanceof ProviderError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

test("gives the token of the first audience that is offered, with what it claims", () => {
  const chosen = chooseToken(
    offer({ openbao: jwt({}, { aud: "openbao" }), vault: jwt() }),
    ["none", "vault", "openbao"],
    pod,
    now,
  );
  expect(chosen).toMatchObject({
    audience: "vault",
    claims: { namespace: "shop", serviceAccount: "web", serviceAccountUid: "sa-1", podUid: "uid-1" },
  });
  expect(chosen.jwt.reveal()).toBe(jwt());
});

test("takes a token that is bound to no pod, as the sync controller's", () => {
  expect(chooseToken(offer({ vault: jwt({ pod: undefined }) }), ["vault"], pod, now).claims.podUid).toBeUndefined();
});

test("takes the API server's own audience where it is asked for", () => {
  expect(chooseToken(offer({ "": jwt({}, { aud: ["https://kubernetes"] }) }), [""], pod, now).audience).toBe("");
});

test("takes an audience whose claim has the blank the sync controller leaves", () => {
  expect(chooseToken(offer({ aud2: jwt({}, { aud: [" aud2"] }) }), ["aud2"], pod, now).audience).toBe("aud2");
});

describe("contract 7: absent tokens", () => {
  test("none at all: says what to put into the CSIDriver object", () => {
    const { code, message } = refusalOf(offer({}));
    expect(code).toBe("unauthenticated");
    expect(message).toContain('tokenRequests: [{audience: "vault"}]');
  });

  test.each([
    { other: jwt(), "": jwt() },
    { other: jwt(), "": jwt(), vault: "" },
  ])("none of ours: says which came", (tokens) => {
    const { code, message } = refusalOf(offer(tokens));
    expect(code).toBe("unauthenticated");
    expect(message).toMatch(/no service account token for audience "vault" \(it sent: "other", ""/);
    expect(message).toContain("class's parameter audience");
  });
});

describe("contract 7: expired tokens", () => {
  test.each<[string, number, boolean]>([
    ["a minute left", 1, true],
    ["within the leeway", -4, true],
    ["long expired", -6, false],
  ])("%s", (_name, minutes, taken) => {
    const exp = (now + minutes * minute) / 1_000;
    const choose = () => chooseToken(offer({ vault: jwt({}, { exp }) }), ["vault"], pod, now);
    if (taken) expect(choose).not.toThrow();
    else expect(choose).toThrow(/has expired/);
  });

  test("the driver's date counts where the token has none", () => {
    expect(refusalOf(offer({ vault: jwt({}, { exp: undefined }) }, now - 10 * minute)).code).toBe("unauthenticated");
  });
});

describe("contract 7: a token that is another's", () => {
  test.each<[string, string, string]>([
    ["another namespace", jwt({ namespace: "bank" }), "namespace"],
    ["another service account", jwt({ serviceaccount: { name: "admin", uid: "sa-2" } }), "service account"],
    ["another pod", jwt({ pod: { uid: "uid-2" } }), "pod uid"],
    ["another audience", jwt({}, { aud: ["api"] }), "audience"],
  ])("%s is refused without a claim's value", (_name, token, claim) => {
    const { code, message } = refusalOf(offer({ vault: token }));
    expect(code).toBe("permission_denied");
    expect(message).toContain(`names another ${claim}`);
    expect(message).not.toMatch(/bank|admin|uid-2|"api"/);
  });
});

describe("tokens that are none", () => {
  test.each<[string, string]>([
    ["five megabytes", `a.${"x".repeat(5 << 20)}.c`],
    ["no dots", "canary"],
    ["no base64", "a.%%canary%%.c"],
    ["no JSON", `a.${Buffer.from("canary").toString("base64url")}.c`],
    ["JSON, nested deep", `a.${Buffer.from("[".repeat(10_000)).toString("base64url")}.c`],
    ["too many parts", `${jwt()}.x`],
    ["no claims of Kubernetes", `a.${Buffer.from('{"sub":"canary"}').toString("base64url")}.c`],
    ["a namespace that is no text", jwt({ namespace: ["shop"] })],
    ["a namespace of two thousand characters", jwt({ namespace: "n".repeat(2_000) })],
    ["no service account", jwt({ serviceaccount: null })],
    ["an empty service account uid", jwt({ serviceaccount: { name: "web", uid: "" } })],
    ["a pod that is null", jwt({ pod: null })],
    ["a pod without uid", jwt({ pod: {} })],
    ["an end that is text", jwt({}, { exp: "1" })],
    ["an audience that is a number", jwt({}, { aud: 1 })],
    ["an audience among others that is a number", jwt({}, { aud: ["vault", 1] })],
    ["33 audiences", jwt({}, { aud: Array(33).fill("vault") })],
    ["claims of Kubernetes that are a list", jwt({}, { "kubernetes.io": ["shop"] })],
  ])("refuses %s", (_name, token) => {
    const { code, message } = refusalOf(offer({ vault: token }));
    expect(code).toBe("unauthenticated");
    expect(message).not.toContain("canary");
  });
});

/** What a pod must show where Vault cannot verify its token. */
test.each<[string, Record<string, unknown>, Record<string, unknown>, boolean]>([
  ["bound to the pod, and valid", {}, {}, true],
  ["bound to no pod", { pod: undefined }, {}, false],
  ["without an end", {}, { exp: undefined }, false],
  ["ended a moment ago, within the leeway of a login", {}, { exp: now / 1_000 - 1 }, false],
])("a token %s is bound: %j, %j: %s", (_what, bearer, claims, bound) => {
  expect(chooseToken(offer({ vault: jwt(bearer, claims) }), ["vault"], pod, now).bound).toBe(bound);
});
