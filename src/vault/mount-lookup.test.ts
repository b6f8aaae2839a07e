import { setMaxListeners } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { VaultMethod, VaultRequest } from "../mount/mount-spec.js";
import { systemClock } from "../shared/clock.js";
import { Redacted } from "../shared/redacted.js";
import { sampleConnection } from "../../dev/testing/connection.js";
import { CountingVault, samplePrincipal } from "../../dev/testing/counting-vault.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { type ReadyVault, startReadyVault } from "../../dev/testing/ready-vault.js";
import { testCredentials } from "../../dev/testing/test-credentials.js";
import { answering, erring, html, noContent } from "../../dev/vault/faults.js";
import { type LiveVaultClient, createVaultClient } from "./create-vault-client.js";
import { MountLookup } from "./mount-lookup.js";
import type { MountFinding } from "./path-hint.js";
import type { VaultToken } from "./vault-client.js";
import { VaultError } from "./vault-error.js";
import { answersTo } from "../../dev/testing/read-requests.js";

const never = new AbortController().signal;
setMaxListeners(0, never);
const lookedUp = /^sys\/internal\/ui\/mounts/;

describe("with a Vault", () => {
  let ready: ReadyVault;
  let client: LiveVaultClient;
  beforeAll(async () => {
    ready = await startReadyVault();
    const { admin } = ready;
    for (const [path, body] of [
      ["team/kv", { type: "kv", options: { version: "2" } }],
      ["team/old", { type: "kv" }],
      ["transit", { type: "transit" }],
    ] as const) {
      await admin.write(`sys/mounts/${path}`, body);
    }
    const rules = ["kv/data/app", "team/kv/*", "team/old/x", "kv1/*", "transit/*"];
    const policy = rules.map((rule) => `path "${rule}" { capabilities = ["read", "list"] }`).join("\n");
    await admin.write("sys/policies/acl/web", { policy });
  });
  afterAll(() => ready.stop());
  beforeEach(() => {
    client = createVaultClient({ clock: systemClock, random: () => 0.01, emit: () => {} });
    ready.vault.log.clear();
    ready.vault.clearFaults();
    return () => client.close();
  });

  /** Reads as a pod's first Mount does. */
  function mounting(namespace = "shop") {
    const credentials = testCredentials({ client, clock: systemClock });
    const connection = sampleConnection({ addresses: [{ origin: ready.address }] });
    const pod = { namespace, name: "web-0", uid: "uid-1", serviceAccount: "web" };
    const principal = samplePrincipal({ connection, pod, jwt: new Redacted(ready.mint()) });
    return async (path: string, method: VaultMethod = "GET"): Promise<string> => {
      const request: VaultRequest = { method, path, query: "" };
      const [answer] = await answersTo(credentials.source.begin(principal), [request], { refreshIntervalMs: 1 });
      return answer && "error" in answer ? answer.error.message : "answered";
    };
  }

  test.each<[VaultMethod, string, RegExp]>([
    ["GET", "kv/app", /^permission denied: .* \(kv is a KV version 2 engine, where data\/ .*: kv\/data\/app\)$/],
    ["GET", "kv/app/keys", /: kv\/data\/app\/keys\)$/],
    ["GET", "team/kv/app", /^nothing at team\/kv\/app: this is a KV version 2 engine, .* name: team\/kv\/data\/app$/],
    ["LIST", "team/kv/dir", /LIST wants metadata\/ after the mount's name: team\/kv\/metadata\/dir$/],
    ["LIST", "team/kv/data/dir", /LIST wants metadata\/ after the mount's name: team\/kv\/metadata\/dir\)?$/],
    ["GET", "team/kv/a?b 100%", /: team\/kv\/data\/a%3Fb 100%25$/],
    ["GET", "kv1/data/app", /^nothing at kv1\/data\/app \(kv1 is a KV version 1 engine, .* no data\/: kv1\/app\)$/],
    ["GET", "team/old/data/x", /^permission denied: .* \(team\/old is a KV version 1 .*: team\/old\/x\)$/],
    ["GET", "other/data/kv/app", /reach no mount at this path; a Vault namespace at its beginning belongs in vaultN/],
    ["GET", "other/kv/data/app", /reach no mount at this path; a Vault namespace at its beginning belongs in vaultN/],
    ["GET", "kv/data/other", /^permission denied: GET kv\/data\/other; [^(]*$/],
    ["GET", "kv1/nothing", /^nothing at kv1\/nothing$/],
    ["GET", "team/kv/data/nothing", /^nothing at team\/kv\/data\/nothing$/],
    ["GET", "transit/keys/nothing", /^nothing at transit\/keys\/nothing$/],
  ])("%s %s is told how to be written, for one look-up", async (method, path, message) => {
    const read = mounting();
    expect(await read(path, method)).toMatch(message);
    expect(await read(path, method)).toMatch(message);
    expect(ready.vault.log.to(lookedUp).map((one) => one.path)).toEqual([`sys/internal/ui/mounts/${path}`]);
  });

  test("paths of one mount that are refused together cost one look-up, and one that is answered none", async () => {
    const read = mounting();
    expect(await read("kv/data/app")).toBe("answered");
    expect(ready.vault.log.to(lookedUp)).toEqual([]);
    const messages = await Promise.all(["kv/a", "kv/b", "kv/c/d"].map((path) => read(path)));
    expect(messages.map((message) => /: (\S+)\)$/.exec(message)?.[1])).toEqual([
      "kv/data/a",
      "kv/data/b",
      "kv/data/c/d",
    ]);
    expect(ready.vault.log.to(lookedUp)).toHaveLength(1);
  });

  test.each([
    ["an error", erring(500, "x")],
    ["a quota", erring(429, "rate limit quota exceeded")],
    ["a bare denial", erring(403, "permission denied")],
    ["no such path", erring(404)],
    ["a page", html()],
    ["nothing", noContent()],
    ["a mount of another path", answering(200, '{"data":{"path":"other/","type":"kv"}}')],
    ["no mount", answering(200, '{"data":{}}')],
  ])("a look-up that gets %s leaves the guess, and is not repeated", async (_what, fault) => {
    ready.vault.fault({ path: lookedUp }, fault);
    const read = mounting();
    const guess = /\(if it is in a KV version 2 engine, insert data\/ after the mount's name: kv\/data\/app\)$/;
    expect(await read("kv/app")).toMatch(guess);
    expect(await read("kv/app")).toMatch(guess);
    expect(ready.vault.log.to(lookedUp)).toHaveLength(1);
  });
});

describe("without one", () => {
  const token = { secret: new Redacted("t"), accessor: "a", type: "service", renewable: true, issuedAt: 0 } as const;
  const denied = new VaultError("denied", "denied", { status: 403, mount: "any" });
  let clock: FakeClock;
  let asked: string[];
  let answer: (signal: AbortSignal) => Promise<MountFinding>;
  let lookup: MountLookup;
  beforeEach(() => {
    clock = new FakeClock();
    asked = [];
    answer = () => Promise.resolve({ found: "mount", path: "kv", kv: 2 });
    const lookupMount: CountingVault["lookupMount"] = (connection, _on, path, caller, signal) => {
      asked.push(`${connection.name} ${caller.namespace} ${path}`);
      return answer(signal);
    };
    lookup = new MountLookup({ client: { lookupMount }, clock });
  });

  async function told(path: string, namespace = "shop", change: Partial<VaultToken> = {}, signal = never) {
    const refused = {
      connection: sampleConnection(),
      vaultNamespace: "",
      token: { ...token, ...change },
      request: { method: "GET", path, query: "" } as const,
      caller: { namespace, priority: "first-mount" } as const,
    };
    return ((await lookup.explained(denied, refused, signal)) as Error).message;
  }

  test("what one Kubernetes namespace learned is not told to another", async () => {
    await told("kv/a");
    await told("kv/b");
    await told("kv/a", "other");
    expect(asked).toEqual(["default shop kv/a", "default other kv/a"]);
  });

  test.each<[string, MountFinding, number]>([
    ["a mount", { found: "mount", path: "kv", kv: 2 }, 600_000],
    ["that there is none", { found: "none" }, 60_000],
  ])("%s is remembered for a while", async (_what, finding, ms) => {
    answer = () => Promise.resolve(finding);
    await told("kv/a");
    await clock.advance(ms - 1);
    await told("kv/a");
    expect(asked).toHaveLength(1);
    await clock.advance(1);
    await told("kv/a");
    expect(asked).toHaveLength(2);
  });

  test("an answer that takes longer than two seconds is given up, to its socket, and a guess is told", async () => {
    let given: AbortSignal | undefined;
    answer = (signal) => {
      given = signal;
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    };
    const work = Promise.all([told("kv/a"), told("kv/b"), told("x/b")]);
    await clock.advance(2_000);
    expect(await work).toEqual(expect.arrayContaining([expect.stringContaining("if it is in a KV version 2")]));
    expect(given!.aborted).toBe(true);
    await told("kv/a");
    expect(asked).toEqual(["default shop kv/a", "default shop x/b"]);
  });

  test("a caller that gives up is told its own reason", async () => {
    answer = (signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    const controller = new AbortController();
    const work = told("kv/a", "shop", {}, controller.signal);
    controller.abort(new Error("gone"));
    await expect(work).rejects.toThrow("gone");
  });

  test("a fault of the program is not hidden", async () => {
    answer = () => Promise.reject(new TypeError("a mistake"));
    await expect(told("kv/a")).rejects.toThrow("a mistake");
  });

  test("a token whose uses are numbered is not used for it", async () => {
    expect(await told("kv/a", "shop", { uses: 3 })).toMatch(/if it is in a KV version 2/);
    expect(asked).toEqual([]);
  });

  test("an error that leaves nothing open stays as it is", async () => {
    const error = new VaultError("denied", "denied", { status: 403 });
    const request = { method: "GET", path: "kv/a", query: "" } as const;
    const caller = { namespace: "shop", priority: "first-mount" } as const;
    const refused = { connection: sampleConnection(), vaultNamespace: "", token, request, caller };
    expect(await lookup.explained(error, refused, never)).toBe(error);
    expect(asked).toEqual([]);
  });
});
