import { setMaxListeners } from "node:events";
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Connection } from "../config/connection.js";
import { systemClock } from "../shared/clock.js";
import { Redacted } from "../shared/redacted.js";
import { sampleConnection } from "../../dev/testing/connection.js";
import { type TestServer, serveHttp } from "../../dev/testing/http-server.js";
import { type LiveVaultClient, createVaultClient } from "./create-vault-client.js";
import type { VaultToken } from "./vault-client.js";
import type { VaultError } from "./vault-error.js";

/** One tenant's path, engine or auth mount misbehaves behind a healthy Vault: no other tenant is affected. */
const never = new AbortController().signal;
setMaxListeners(0, never);
const token: VaultToken = {
  secret: new Redacted("hvs.token"),
  accessor: "acc",
  type: "service",
  renewable: true,
  issuedAt: 0,
};

type Misbehaviour = (response: ServerResponse) => unknown;
const errors = (status: number, text: string): Misbehaviour => {
  return (response) => response.writeHead(status).end(JSON.stringify({ errors: [text] }));
};
const misbehaviours: readonly [string, Misbehaviour, string][] = [
  ["hangs", () => {}, "engine"],
  ["stops in the middle of its answer", (response) => response.writeHead(200).write('{"data":'), "engine"],
  ["closes the connection", (response) => response.destroy(), "engine"],
  ["answers 502", (response) => response.writeHead(502).end("<html>"), "engine"],
  ["answers 503", (response) => response.writeHead(503).end(), "engine"],
  ["redirects", (response) => response.writeHead(307, { Location: "http://127.0.0.1:1/v1/x" }).end(), "engine"],
  ["answers a page", (response) => response.writeHead(403).end("<html>"), "protocol"],
  ["answers 501", (response) => response.writeHead(501).end(), "engine"],
  ["says that Vault is not initialised", errors(501, "Vault is not initialized"), "engine"],
  [
    "answers a page that tells of TLS",
    (response) => response.writeHead(400).end("Client sent an HTTP request to an HTTPS server."),
    "protocol",
  ],
  [
    "says that it is a disaster recovery secondary",
    errors(400, "path disabled in replication DR secondary mode"),
    "engine",
  ],
  ["answers 500", errors(500, "failed to connect"), "engine"],
  ["says that Vault is sealed", errors(503, "Vault is sealed"), "engine"],
  ["says that there is no leader", errors(500, "local node not active"), "engine"],
  ["is in a sealed namespace", errors(503, "namespace is sealed"), "namespace"],
  ["is over its quota", errors(429, "rate limit quota exceeded"), "quota"],
];

let vault: TestServer;
let client: LiveVaultClient;
let requests: Map<string, number>;
let failovers: number;
let misbehave: Misbehaviour;
/** What answers is a load balancer's choice: the active node, or a standby that hands on. */
let standby: boolean;

beforeEach(async () => {
  requests = new Map();
  standby = false;
  failovers = 0;
  vault = await serveHttp(({ url = "" }, response) => {
    const what = url.includes("/sys/health") ? "health" : url.includes("/bad") ? "bad" : "good";
    requests.set(what, (requests.get(what) ?? 0) + 1);
    if (what === "bad") return misbehave(response);
    const health = { initialized: true, sealed: false, standby, cluster_id: "one" };
    return response.end(
      JSON.stringify(what === "health" ? health : { data: {}, auth: { client_token: "t", lease_duration: 60 } }),
    );
  });
  client = createVaultClient({
    clock: systemClock,
    random: () => 0.01,
    emit: ({ kind }) => kind === "failedOver" && (failovers += 1),
  });
});
afterEach(async () => {
  await client.close();
  await vault.close();
});

const connection = (): Connection =>
  sampleConnection({
    addresses: [{ origin: vault.origin }],
    limits: { ...sampleConnection().limits, inFlight: 8, requestTimeoutMs: 1_000 },
  });
const read = (namespace: string, path: string, method: "GET" | "POST" = "GET") => {
  const caller = { namespace, priority: "first-mount" as const };
  const request = { method, path, query: "" } as const;
  return client.request(connection(), { vaultNamespace: "", token }, request, caller, never);
};
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (reason: unknown) => reason as VaultError,
  );
const logIn = (namespace: string, authMount: string, role: string) => {
  const login = {
    vaultNamespace: "",
    authMount,
    role,
    serviceAccount: "a/b",
    audience: "vault",
    jwt: new Redacted("j"),
  };
  return client.login(connection(), login, { namespace, priority: "first-mount" }, never);
};

describe.each(misbehaviours)("a path that %s", (what, behaviour, kind) => {
  beforeEach(() => {
    misbehave = behaviour;
  });

  test("fails for itself alone, in the words of what it is", async () => {
    const paths = Array.from({ length: 20 }, (_, n) => `secret/data/bad/${n}`);
    const bad = paths.map((path) => failure(read("a", path)));
    const good = Array.from({ length: 20 }, (_, n) => read("b", `secret/data/good/${n}`));
    expect(await Promise.all(good)).toHaveLength(20);
    for (const error of await Promise.all(bad)) expect(error?.kind).toBe(kind);
    await read("b", "secret/data/good");
    expect([failovers, client.faults().size]).toEqual([0, 0]);
  });

  // What a standby says of its leader it says for everybody.
  const ofLeader = ["redirects", "says that there is no leader"].includes(what);
  const beside = ofLeader ? "is the node's behind a standby" : "fails for itself alone behind a standby as well";
  test(beside, async () => {
    standby = true;
    if (ofLeader) return expect(await failure(read("a", "secret/data/bad"))).toMatchObject({ kind: "outage" });
    const bad = Array.from({ length: 8 }, (_, n) => failure(read("a", `secret/data/bad/${n}`)));
    const good = Array.from({ length: 20 }, (_, n) => read("b", `secret/data/good/${n}`));
    expect(await Promise.all(good)).toHaveLength(20);
    for (const error of await Promise.all(bad)) expect(error?.kind).toBe(kind);
    await read("b", "secret/data/good");
  });

  test("is soon left alone, and only for those who asked for it", async () => {
    for (let time = 0; time < 3; time += 1) await failure(read("a", "secret/data/bad", "POST"));
    const asked = requests.get("bad");
    const error = await failure(read("a", "secret/data/bad", "POST"));
    if (kind !== "quota") {
      expect([error?.message, requests.get("bad")]).toEqual([expect.stringMatching(/asked again in \d s$/), asked]);
    }
    await read("a", "secret/data/good");
    await failure(read("b", "secret/data/bad", "POST"));
    expect(requests.get("bad")).toBeGreaterThan(asked!);
  });
});

test("logins that hang hold up no other tenant's, nor its reads", async () => {
  misbehave = () => {};
  const bad = Array.from({ length: 20 }, (_, n) => failure(logIn("a", "bad", `role-${n}`)));
  const others = [...Array.from({ length: 8 }, () => logIn("b", "kubernetes", "web")), read("b", "secret/data/good")];
  const first = await Promise.race([...bad, Promise.all(others).then(() => "the others")]);
  expect(first).toBe("the others");
  for (const error of await Promise.all(bad)) expect(error?.kind).toBe("engine");
});

test("a node is down when it does not tell its health: then everybody waits for it", async () => {
  await read("b", "secret/data/good");
  await vault.close();
  expect(await failure(read("a", "secret/data/bad"))).toMatchObject({ kind: "outage" });
  expect(await failure(read("b", "secret/data/good"))).toMatchObject({ kind: "outage" });
});

test("that a credential cannot be made says nothing of those that are renewed", async () => {
  misbehave = errors(500, "permission denied for role");
  for (let time = 0; time < 4; time += 1) await failure(read("a", "database/creds/bad"));
  const caller = { namespace: "a", priority: "renewal" as const };
  const id = new Redacted("database/creds/bad/1");
  const renewal = client.renewLease(connection(), { vaultNamespace: "", token }, id, 60_000, caller, never);
  expect(await failure(renewal)).toMatchObject({ kind: "protocol" }); // It was answered, if by no grant.
});
