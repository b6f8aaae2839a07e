import { describe, expect, onTestFinished, test } from "vitest";
import type { Mounting, PodToken } from "../driver/mount-request.js";
import { delayed } from "../../dev/vault/faults.js";
import { goJson } from "../shared/go-json.js";
import { type ReadyVault, startReadyVault } from "../../dev/testing/ready-vault.js";
import { filesIn, startProvider, webPod } from "../../dev/testing/start-provider.js";

const objects = "- {objectName: app, secretPath: kv/data/app, secretKey: password}";
const tokensKey = "csi.storage.k8s.io/serviceAccount.tokens";
const later = "2100-01-01T00:00:00Z";
const pods = 250;

/** What Node warns of meanwhile: listeners that pile up, timers that never end. */
function warnings(): string[] {
  const emitted: string[] = [];
  const hear = (warning: Error) => void emitted.push(`${warning.name}: ${warning.message}`);
  process.on("warning", hear);
  onTestFinished(() => void process.off("warning", hear));
  return emitted;
}

type Tokens = Record<string, PodToken>;

const inAttributes = (tokens: Tokens): Partial<Mounting> => ({ tokens });
/** As Kubernetes 1.35 and later may send them, where a driver does not copy them. */
const inSecrets = (tokens: Tokens): Partial<Mounting> => ({
  tokens: {},
  secrets: { [tokensKey]: goJson(Object.fromEntries(Object.entries(tokens).map(([a, t]) => [a, { ...t }]))) },
});
const inBoth = (tokens: Tokens): Partial<Mounting> => ({ ...inSecrets(tokens), tokens });
/** One of many pods of `shop/web`, each with a token of its own, sent in one of the ways there are. */
function pod(vault: ReadyVault, n: number): Partial<Mounting> {
  const who = { name: `web-${n}`, uid: `uid-${n}` };
  const tokens = { vault: { token: vault.mint({ pod: who }), expirationTimestamp: later } };
  const ways = [inAttributes, inSecrets, inBoth];
  return { pod: { ...webPod, ...who }, ...ways[n % ways.length]!(tokens) };
}

async function providerOf(settings = "") {
  const vault = await startReadyVault();
  onTestFinished(() => vault.stop());
  const file = `${settings}\nconnections: {default: {addresses: ["${vault.address}"], audiences: [vault, openbao]}}`;
  return startProvider({ vault, file, argv: [] });
}

describe("a node that comes back mounts all its pods at once", () => {
  test("each logs in as itself once, reads once, and is answered", async () => {
    const provider = await providerOf();
    const emitted = warnings();
    const changes = Array.from({ length: pods }, (_, n) => pod(provider.vault, n));
    const outcomes = await Promise.all(changes.map((change) => provider.mount({ objects }, change, 60_000)));
    expect(new Set(outcomes.map((outcome) => JSON.stringify(filesIn(outcome))))).toEqual(
      new Set(['{"app":"hunter2"}']),
    );
    const { log } = provider.vault.vault;
    expect(log.to("auth/kubernetes/login")).toHaveLength(pods);
    const reads = log.to("kv/data/app");
    expect(new Set(reads.map(({ headers }) => headers["x-vault-token"])).size).toBe(pods);
    expect(new Set(reads.map(({ headers }) => headers["x-keymount-pod"])).size).toBe(pods);
    expect(reads).toHaveLength(pods);
    expect(emitted).toEqual([]);
  }, 180_000);

  test("more than it has places for: all are answered, and the tokens that lost theirs are revoked", async () => {
    const provider = await providerOf("limits: {volumes: 20}");
    provider.vault.vault.fault({ path: "auth/token/revoke-self" }, delayed(100));
    const emitted = warnings();
    for (let batch = 0; batch < 3; batch += 1) {
      const changes = Array.from({ length: 40 }, (_, n) => pod(provider.vault, batch * 40 + n));
      const outcomes = await Promise.all(changes.map((change) => provider.mount({ objects }, change, 60_000)));
      expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
    }
    await expect.poll(() => provider.vault.vault.live.tokens, { timeout: 10_000 }).toBeLessThanOrEqual(20);
    expect(emitted).toEqual([]);
  }, 180_000);
});

describe("the driver's tokens", () => {
  type Sent = (vault: ReadyVault) => Partial<Mounting>;
  const good = (vault: ReadyVault, audience = "vault"): Tokens => ({
    [audience]: { token: vault.mint(), expirationTimestamp: later },
  });
  const without = { tokens: {} };

  test.each<[string, Sent, Record<string, string>]>([
    ["in the attributes", (vault) => inAttributes(good(vault)), {}],
    ["in the secrets", (vault) => inSecrets(good(vault)), {}],
    [
      "in the secrets, even if a pod's author writes others into the attributes",
      (vault) => ({ ...inSecrets(good(vault)), tokens: { vault: { token: "forged", expirationTimestamp: later } } }),
      {},
    ],
    ["in both", (vault) => inBoth(good(vault)), {}],
    [
      "of an audience with a blank, as the sync controller splits them",
      (vault) => inAttributes(good(vault, " vault")),
      {},
    ],
    [
      "of many audiences",
      (vault) => inAttributes({ ...good(vault), a: { token: "x", expirationTimestamp: later } }),
      {},
    ],
    ["of the audience that the class names", (vault) => inAttributes(good(vault)), { audience: "vault" }],
  ])("%s are used", async (_where, sent, parameters) => {
    const provider = await providerOf();
    expect(filesIn(await provider.mount({ objects, ...parameters }, sent(provider.vault)))).toEqual({ app: "hunter2" });
  });

  test.each<[string, Sent, Record<string, string>, RegExp]>([
    ["none", () => ({ ...without }), {}, /UNAUTHENTICATED: .*no service account token.*tokenRequests/],
    [
      "none of the connection's audiences",
      (vault) => inAttributes(good(vault, "sts.amazonaws.com")),
      {},
      /UNAUTHENTICATED: .*"vault" or "openbao" \(it sent: "sts.amazonaws.com"\)/,
    ],
    [
      "none of the class's audience",
      (vault) => inAttributes(good(vault)),
      { audience: "openbao" },
      /UNAUTHENTICATED: .*audience "openbao" \(it sent: "vault"\)/,
    ],
    [
      "one made for another audience than it is sent for",
      (vault) => inAttributes({ vault: { token: vault.mint({ audiences: ["evil"] }), expirationTimestamp: later } }),
      {},
      /PERMISSION_DENIED: .*another audience/,
    ],
    [
      "the API server's own, which no class may ask for",
      (vault) => inAttributes({ "": { token: vault.mint(), expirationTimestamp: later } }),
      {},
      /UNAUTHENTICATED: .*it sent: ""/,
    ],
    [
      "what is no token",
      () => inAttributes({ vault: { token: "canary-token", expirationTimestamp: later } }),
      {},
      /UNAUTHENTICATED: .*not a service account token/,
    ],
    [
      "what is no JSON",
      () => ({ ...without, secrets: { [tokensKey]: "canary-token" } }),
      {},
      /INVALID_ARGUMENT: .*is not the JSON a kubelet writes/,
    ],
  ])("%s: refused before Vault is asked, and not quoted", async (_what, sent, parameters, told) => {
    const provider = await providerOf();
    const gave = filesIn(await provider.mount({ objects, ...parameters }, sent(provider.vault)));
    expect(gave).toMatch(told);
    expect(gave).not.toContain("canary");
    expect(provider.logText()).not.toContain("canary");
    expect(provider.vault.vault.log.to(/login|kv/)).toEqual([]);
  });

  test("an answer that is held is for those only whose token still says who they are", async () => {
    const provider = await providerOf();
    await provider.mount({ objects });
    const forged: Partial<Mounting>[] = [
      { tokens: {} },
      inAttributes({ vault: { token: provider.vault.mint({ namespace: "bank" }), expirationTimestamp: later } }),
      { pod: { ...webPod, namespace: "bank" } },
      { pod: { ...webPod, uid: "uid-9" } },
      { targetPath: "/var/lib/kubelet/pods/uid-9/volumes/kubernetes.io~csi/keymount/mount" },
      { targetPath: "/var/lib/kubelet/pods/uid-9/../uid-1/volumes/kubernetes.io~csi/keymount/mount" },
    ];
    for (const change of forged) expect(filesIn(await provider.mount({ objects }, change))).toMatch(/^[A-Z_]+: /);
  });
});

test("memory in flight of Mounts is released, with any outcome", async () => {
  const provider = await providerOf();
  await provider.vault.admin.putSecret("large", { text: "x".repeat(500_000) });
  const large = "- {objectName: large, secretPath: kv/data/large, secretKey: text}";
  expect(await provider.mount({ objects: large })).toMatchObject({ ok: true });
  expect(await provider.mount({ objects: `${large}\n- {objectName: none, secretPath: kv/data/none}` })).toMatchObject({
    ok: false,
  });
  provider.vault.vault.fault({ path: /^kv/ }, delayed(1_000));
  expect(await provider.mount({ objects: large.replaceAll("large", "app") }, {}, 300)).toMatchObject({ ok: false });
  const inFlight = async () => /^keymount_in_flight_bytes (\d+)$/m.exec((await provider.page("/metrics")).text)?.[1];
  await expect.poll(inFlight, { timeout: 5_000 }).toBe("0");
});
