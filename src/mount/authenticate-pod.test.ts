import { describe, expect, test } from "vitest";
import { Redacted } from "../shared/redacted.js";
import { sampleConnection } from "../../dev/testing/connection.js";
import { samplePrincipal } from "../../dev/testing/counting-vault.js";
import type { MountSpec, OfferedToken } from "./mount-spec.js";
import { type TokenMinter, authenticatePod } from "./authenticate-pod.js";

const never = new AbortController().signal;
const wall = Date.parse("2026-01-01T00:00:00Z");
const { pod } = samplePrincipal();
const volumePath = `/var/lib/kubelet/pods/${pod.uid}/volumes/kubernetes.io~csi/secrets/mount`;

function token(audience: string, podUid: string | undefined = pod.uid): OfferedToken {
  const claims = {
    aud: [audience],
    exp: wall / 1000 + 600,
    "kubernetes.io": {
      namespace: pod.namespace,
      serviceaccount: { name: pod.serviceAccount, uid: "sa-uid" },
      ...(podUid !== undefined && { pod: { name: pod.name, uid: podUid } }),
    },
  };
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return { jwt: new Redacted(`${part({ alg: "RS256" })}.${part(claims)}.signature`) };
}

function spec(change: Partial<MountSpec> = {}, asked: Partial<MountSpec["class"]> = {}): MountSpec {
  return {
    pod,
    class: { roleName: "web", onDenied: "keep", objects: [], overruled: [], unknown: [], ...asked },
    tokens: new Map([["vault", token("vault")]]),
    targetPath: volumePath,
    defaultMode: 0o644,
    parametersDigest: "digest",
    ...change,
  };
}

function principal(asked: MountSpec, connection = sampleConnection(), minter?: TokenMinter) {
  return authenticatePod(asked, connection, { wall, minter }, never);
}

describe("what the class leaves open, the connection fills", () => {
  test.each([
    ["the connection's settings", {}, { vaultNamespace: "team", authMount: "k8s-prod" }],
    ["the class's own", { vaultNamespace: "other", authMount: "jwt" }, { vaultNamespace: "other", authMount: "jwt" }],
  ])("%s", async (_name, asked, expected) => {
    const connection = sampleConnection({ vaultNamespace: "team", authMount: "k8s-prod" });
    expect(await principal(spec({}, asked), connection)).toMatchObject(expected);
  });

  test("the class's audience is taken exactly, the connection's in order", async () => {
    const tokens = new Map([
      ["a", token("a")],
      ["b", token("b")],
    ]);
    const connection = sampleConnection({ audiences: ["none", "b", "a"] });
    expect((await principal(spec({ tokens }), connection)).jwt).toBe(tokens.get("b")!.jwt);
    expect((await principal(spec({ tokens }, { audience: "a" }), connection)).jwt).toBe(tokens.get("a")!.jwt);
    await expect(principal(spec({ tokens }, { audience: "c" }), connection)).rejects.toMatchObject({
      code: "unauthenticated",
    });
  });
});

describe("who may share a token", () => {
  const keyOf = async (asked: MountSpec, connection = sampleConnection()) =>
    (await principal(asked, connection)).ownerKey;
  const otherPod = { ...pod, uid: "uid-2" };
  const other = spec({
    pod: otherPod,
    tokens: new Map([["vault", token("vault", "uid-2")]]),
    targetPath: volumePath.replace("uid-1", "uid-2"),
  });

  test("two volumes of one pod do", async () => {
    expect(await keyOf(spec())).toBe(await keyOf(spec({ targetPath: volumePath.replace("secrets", "more") })));
  });

  test("two pods of a service account do not, unless the operator says so", async () => {
    expect(await keyOf(spec())).not.toBe(await keyOf(other));
    const shared = sampleConnection({ tokenPer: "serviceAccount" });
    expect(await keyOf(spec(), shared)).toBe(await keyOf(other, shared));
  });

  test.each<[string, Partial<MountSpec["class"]>]>([
    ["role", { roleName: "other" }],
    ["auth mount", { authMount: "other" }],
    ["Vault namespace", { vaultNamespace: "other" }],
  ])("another %s is another token", async (_name, asked) => {
    expect(await keyOf(spec())).not.toBe(await keyOf(spec({}, asked)));
  });
});

describe("which volume", () => {
  test("a pod's volume is its target path, and may hold credentials", async () => {
    expect(await principal(spec())).toMatchObject({ volumeKey: volumePath, podVolume: true });
  });

  test("the sync controller's is the digest of what it asks for, and has a token of its own", async () => {
    const tokens = new Map([["vault", token("vault", undefined)]]);
    const asked = (parametersDigest: string) =>
      principal(spec({ targetPath: "/mnt/secrets-store", tokens, parametersDigest }));
    const [one, other] = [await asked("one"), await asked("other")];
    expect(one).toMatchObject({ volumeKey: "one", podVolume: false });
    expect(other.ownerKey).not.toBe(one.ownerKey);
    expect((await asked("one")).ownerKey).toBe(one.ownerKey);
  });
});

describe("a token where the driver sent none", () => {
  const asked: string[] = [];
  const minter: TokenMinter = {
    audiences: ["vault"],
    mint: async (_pod, audience) => {
      asked.push(audience);
      return token(audience);
    },
  };

  test.each<[string, MountSpec, TokenMinter | undefined, string[] | RegExp]>([
    ["is minted where the operator allows the audience", spec({ tokens: new Map() }), minter, ["vault"]],
    ["is not minted when the driver sent one", spec(), minter, []],
    [
      "is refused without the operator's opt-in",
      spec({ tokens: new Map() }),
      undefined,
      /sent no service account token/,
    ],
    [
      "is refused for an audience not listed",
      spec({ tokens: new Map() }, { audience: "aws" }),
      minter,
      /sent no service account token/,
    ],
    [
      "is refused outside a pod's own volume",
      spec({ tokens: new Map(), targetPath: "/mnt/secrets-store" }),
      minter,
      /sent no/,
    ],
  ])("%s", async (_name, request, by, outcome) => {
    asked.length = 0;
    const visiting = principal(request, sampleConnection(), by);
    if (outcome instanceof RegExp) await expect(visiting).rejects.toThrow(outcome);
    else {
      await visiting;
      expect(asked).toEqual(outcome);
    }
  });

  test("must be the pod's own like any other", async () => {
    const thief: TokenMinter = { audiences: ["vault"], mint: async () => token("vault", "another-uid") };
    await expect(principal(spec({ tokens: new Map() }), sampleConnection(), thief)).rejects.toMatchObject({
      code: "permission_denied",
    });
  });
});
