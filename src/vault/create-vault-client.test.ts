import axios from "axios";
import { setMaxListeners } from "node:events";
import type { IncomingMessage } from "node:http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Connection } from "../config/connection.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import { systemClock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { JsonObject } from "../shared/json.js";
import { jsonBytes } from "../shared/json-bytes.js";
import { Redacted } from "../shared/redacted.js";
import { type Identity, makeIdentity } from "../../dev/testing/certificates.js";
import { sampleConnection } from "../../dev/testing/connection.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { type Handler, type TestServer, serveHttp, serveRaw } from "../../dev/testing/http-server.js";
import { patience, until } from "../../dev/testing/until.js";
import { type LiveVaultClient, createVaultClient } from "./create-vault-client.js";
import { CredentialPaths } from "./credential-paths.js";
import type { AnswerIntake, Caller, VaultToken } from "./vault-client.js";
import type { VaultError } from "./vault-error.js";
import type { ConnectionEvent } from "./vault-event.js";

type Seen = { method?: string; url?: string; headers: IncomingMessage["headers"]; text: string };
type Reply = { status?: number; body?: unknown; text?: string; headers?: Record<string, string>; cut?: boolean };

const never = new AbortController().signal;
setMaxListeners(0, never);
const caller: Caller = { namespace: "shop", pod: "shop/web-0/uid-1", priority: "first-mount" };
const token: VaultToken = {
  secret: new Redacted("hvs.canary-token"),
  accessor: "acc",
  type: "service",
  renewable: true,
  issuedAt: 0,
};

let client: LiveVaultClient;
let paths: CredentialPaths;
let events: string[];
let endings: (() => Promise<unknown>)[];

beforeEach(() => {
  events = [];
  endings = [];
  paths = new CredentialPaths();
  client = createVaultClient({
    clock: systemClock,
    random: () => 0.01,
    emit: (event) => events.push(lineOf(event)),
    paths,
  });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await client.close();
  for (const end of endings.reverse()) await end();
});

/** A Vault node that answers as told, each answer once and the last one again, and keeps what it was asked. */
async function node(
  replies: Reply[] | Handler = [{}],
  clusterId: string | null = "one",
  tls?: Identity,
  health: object = {},
) {
  const seen: Seen[] = [];
  let answered = 0;
  const handler: Handler = (request, response) => {
    const { method, url, headers, text } = request;
    if (url?.startsWith("/v1/sys/health")) {
      return response.end(JSON.stringify({ initialized: true, sealed: false, cluster_id: clusterId, ...health }));
    }
    seen.push({ ...(method && { method }), ...(url && { url }), headers, text });
    if (typeof replies === "function") return replies(request, response);
    const reply = replies[Math.min(answered++, replies.length - 1)]!;
    if (reply.cut) return request.socket.destroy();
    response
      .writeHead(reply.status ?? 200, reply.headers)
      .end(reply.text ?? JSON.stringify(reply.body ?? { data: {} }));
  };
  const server = await serveHttp(handler, tls ? { tls } : {});
  endings.push(() => server.close());
  return { ...server, seen };
}

async function deadNode(): Promise<TestServer> {
  const server = await serveRaw(() => {});
  await server.close();
  return server;
}

const through = (servers: { origin: string }[], change: Partial<Connection> = {}): Connection =>
  sampleConnection({ addresses: servers.map(({ origin }) => ({ origin })), ...change });

const read = (connection: Connection, change: Partial<VaultRequest> = {}, by: Caller = caller, signal = never) => {
  const request: VaultRequest = { method: "GET", path: "secret/data/app", query: "", ...change };
  return client.request(connection, { vaultNamespace: "team/a", token }, request, by, signal);
};
const issue = (connection: Connection) => read(connection, { method: "POST", path: "pki/issue/web" });
const logIn = (connection: Connection) => {
  const login = {
    vaultNamespace: "",
    authMount: "k8s/prod",
    role: "web",
    serviceAccount: "shop/web",
    audience: "vault",
    jwt: new Redacted("canary-jwt"),
  };
  return client.login(connection, login, caller, never);
};
const plainRead: VaultRequest = { method: "GET", path: "secret/data/app", query: "" };
function lineOf(event: ConnectionEvent): string {
  switch (event.kind) {
    case "vaultRequested":
      return `${event.operation} ${event.outcome}`;
    case "failedOver":
      return `failed over: ${event.reason}`;
    case "faultChanged":
      return `fault: ${event.fault}`;
    case "tlsFilesRejected":
      return event.reason;
  }
}
const failure = (work: Promise<unknown>): Promise<VaultError> =>
  work.then(
    () => Promise.reject(new Error("it should have failed")),
    (reason: unknown) => reason as VaultError,
  );

describe("a request", () => {
  test.each([
    [15 << 10, 0],
    [64 << 10, 1],
  ])("of whose answer %i bytes are text waits %i times for a turn to parse it", async (bytes, turns) => {
    const vault = await node([{ body: { data: { a: "x".repeat(bytes) } } }]);
    let waited = 0;
    const intake: AnswerIntake = { admit() {}, turn: async () => void (waited += 1) };
    await read(through([vault]), {}, { ...caller, intake });
    expect(waited).toBe(turns);
  });

  test("whose answer is refused by its reader gets the reader's error, and no circuit opens", async () => {
    const vault = await node([{ body: { data: { a: "x".repeat(10_000) } } }, { body: { data: {} } }]);
    const admit = (bytes: number) => {
      if (bytes > 5_000) throw new ProviderError("limit_exceeded", "no room for it");
    };
    const intake: AnswerIntake = { admit, turn: async () => {} };
    await expect(read(through([vault]), {}, { ...caller, intake })).rejects.toThrow("no room for it");
    expect(vault.seen).toHaveLength(1);
    expect(await read(through([vault]), {}, { ...caller, intake })).toMatchObject({});
  });

  test("carries its token, namespace and pod, and its path escaped", async () => {
    const vault = await node([{ body: { data: { a: 1 }, lease_id: "" } }]);
    const answer = await read(through([vault]), { path: "secret/data/ü b/100%&'", query: "version=2" });
    expect(answer.body.reveal()).toMatchObject({ lease_id: "" });
    expect(answer).toMatchObject({ bytes: jsonBytes(answer.body.reveal() as JsonObject) });
    expect(vault.seen[0]).toMatchObject({
      method: "GET",
      url: "/v1/secret/data/%C3%BC%20b/100%25%26'?version=2",
      headers: {
        "x-vault-token": "hvs.canary-token",
        "x-vault-namespace": "team/a",
        "x-vault-request": "true",
        "x-keymount-pod": "shop/web-0/uid-1",
      },
      text: "",
    });
  });

  test.each<[string, Partial<VaultRequest>, Partial<Seen>]>([
    [
      "LIST goes as GET",
      { method: "LIST", path: "secret/metadata", query: "after=a" },
      { method: "GET", url: "/v1/secret/metadata?after=a&list=true" },
    ],
    [
      "POST brings its arguments",
      { method: "POST", args: new Redacted('{"n":1.10}') },
      { method: "POST", text: '{"n":1.10}' },
    ],
    ["PUT stays PUT", { method: "PUT" }, { method: "PUT" }],
  ])("%s", async (_name, request, seen) => {
    const vault = await node();
    await read(through([vault]), request);
    expect(vault.seen[0]).toMatchObject(seen);
  });

  test.each(["secret/../sys/mounts", "secret//app", "./secret", ""])("is not sent to %j", async (path) => {
    const vault = await node();
    expect(await failure(read(through([vault]), { path }))).toMatchObject({ code: "invalid_request" });
    expect(vault.seen).toEqual([]);
  });

  test("is not sent with a namespace that would break a header", async () => {
    const vault = await node();
    const on = { vaultNamespace: "a\r\nX-Vault-Token: evil", token };
    expect(await failure(client.request(through([vault]), on, plainRead, caller, never))).toMatchObject({
      code: "invalid_request",
    });
    expect(vault.seen).toEqual([]);
  });

  test("takes nothing from the environment, and never calls axios", async () => {
    const axiosIsCalled = vi.spyOn(axios, "create");
    for (const name of [
      "VAULT_TOKEN",
      "VAULT_NAMESPACE",
      "VAULT_PREFIX",
      "VAULT_ADDR",
      "VAULT_SKIP_VERIFY",
      "HTTP_PROXY",
    ]) {
      vi.stubEnv(name, "http://127.0.0.1:1/canary");
    }
    const vault = await node([{ body: { auth: { client_token: "hvs.new", lease_duration: 60 } } }]);
    await logIn(through([vault]));
    expect(vault.seen[0]?.url).toBe("/v1/auth/k8s/prod/login");
    expect(Object.keys(vault.seen[0]?.headers ?? {})).not.toEqual(expect.arrayContaining(["x-vault-token"]));
    expect(JSON.stringify(vault.seen[0]?.headers)).not.toContain("canary");
    expect(axiosIsCalled).not.toHaveBeenCalled();
  });

  test("understands a lease", async () => {
    const vault = await node([{ body: { lease_id: "db/creds/a/1", lease_duration: 60, renewable: true, data: {} } }]);
    const { lease } = await read(through([vault]), { path: "db/creds/a" });
    expect([lease?.id.reveal(), lease?.durationMs, lease?.renewable]).toEqual(["db/creds/a/1", 60_000, true]);
  });

  test("may be answered with nothing (204)", async () => {
    const vault = await node((_request, response) => response.writeHead(204).end());
    expect((await issue(through([vault]))).body.reveal()).toBeNull();
  });

  const raw = (type: string, others: Record<string, string> = { "Cache-Control": "no-store" }) => ({
    "Content-Type": type,
    ...others,
  });

  test.each([
    "application/pem-certificate-chain",
    "application/pkix-cert",
    "Application/PKIX-CRL",
    "application/x-pem-file",
    "text/plain; charset=utf-8",
  ])("is answered raw in %s", async (type) => {
    const bytes = Buffer.from([0x30, 0x82, 0, 0xff, 0x0a]);
    const vault = await node((_request, response) => response.writeHead(200, raw(type)).end(bytes));
    const answer = await read(through([vault]), { path: "pki/ca" });
    expect(answer.body.reveal()).toEqual(bytes);
    expect(answer.bytes).toBe(bytes.length);
  });

  test.each<[string, Reply]>([
    ["a raw 204", { status: 204, text: "", headers: raw("application/pkix-cert") }],
    ["a 404 without errors", { status: 404, body: { errors: [] }, headers: raw("application/json") }],
  ])("with %s finds that there is nothing", async (_name, reply) => {
    expect(await failure(read(through([await node([reply])]), { path: "pki/ca" }))).toMatchObject({ kind: "missing" });
  });

  test.each<[string, Reply]>([
    ["an empty 200", { text: "" }],
    ["an empty raw 200", { text: "", headers: raw("application/pkix-cert") }],
    ["plain text that may be cached, as a proxy's", { text: "canary", headers: raw("text/plain", {}) }],
    [
      "PEM that may be cached",
      { text: "canary", headers: raw("application/x-pem-file", { "Cache-Control": "public" }) },
    ],
    ["HTML in disguise", { text: "\ufeff \n<html>canary</html>", headers: raw("text/plain") }],
    ["HTML that must not be cached", { text: "<p>canary</p>", headers: raw("text/html") }],
    ["a text of no known type", { text: "canary", headers: raw("application/octet-stream") }],
    ["HTML", { text: "<html>canary</html>", headers: { "Content-Type": "text/html" } }],
    ["a JSON array", { text: "[1]" }],
    ["half a JSON", { text: '{"data":{"password":"canary' }],
    ["JSON nested 200,000 deep", { text: `{"data":${"[".repeat(200_000)}` }],
    ["compressed", { headers: { "Content-Encoding": "gzip" } }],
    ["too much", { text: `"${"x".repeat(5 << 20)}"` }],
    ["a redirect to elsewhere, not by Vault", { status: 302, headers: { Location: "http://127.0.0.1:1/" } }],
  ])("with %s for an answer fails for what it is", async (_name, reply) => {
    const vault = await node([reply]);
    const error = await failure(read(through([vault])));
    expect(error).toMatchObject({ kind: "protocol", code: "unavailable" });
    expect(JSON.stringify([error.message, error.stack, error.cause])).not.toContain("canary");
  });

  test("that makes something is never answered raw", async () => {
    const vault = await node([{ text: "canary", headers: raw("text/plain") }]);
    expect(await failure(issue(through([vault])))).toMatchObject({ kind: "protocol" });
  });

  test("ends with its signal, down to the socket", async () => {
    const giveUp = new AbortController();
    const vault = await node(() => giveUp.abort(new Error("enough")));
    await expect(read(through([vault]), {}, caller, giveUp.signal)).rejects.toThrow("enough");
    expect(events).toEqual(["health ok", "read cancelled"]);
  });
});

describe("a login", () => {
  test("posts role and JWT to its mount, and gives what was granted", async () => {
    const auth = {
      client_token: "hvs.new",
      accessor: "acc",
      lease_duration: 60,
      renewable: true,
      token_type: "service",
    };
    const vault = await node([{ body: { auth } }]);
    const granted = await logIn(through([vault]));
    expect(granted).toMatchObject({ accessor: "acc", ttlMs: 60_000 });
    expect(granted.secret.reveal()).toBe("hvs.new");
    expect(vault.seen[0]).toMatchObject({ method: "POST", text: '{"role":"web","jwt":"canary-jwt"}' });
  });

  test("that brings no token is an answer no Vault gives", async () => {
    expect(await failure(logIn(through([await node([{ body: {} }])])))).toMatchObject({ kind: "protocol" });
  });

  test("of many at once gets each its own token", async () => {
    const vault = await node((request, response) => {
      const { role } = JSON.parse(request.text) as { role: string };
      setTimeout(() => response.end(JSON.stringify({ auth: { client_token: `t-${role}`, lease_duration: 1 } })), 5);
    });
    const roles = Array.from({ length: 20 }, (_, n) => `r${n}`);
    const logins = roles.map((role) =>
      client.login(
        through([vault]),
        {
          vaultNamespace: "",
          authMount: "k",
          role,
          serviceAccount: "shop/web",
          audience: "vault",
          jwt: new Redacted("j"),
        },
        caller,
        never,
      ),
    );
    expect((await Promise.all(logins)).map(({ secret }) => secret.reveal())).toEqual(roles.map((role) => `t-${role}`));
    expect(vault.accepted()).toBeLessThanOrEqual(16);
  });
});

describe("the token itself", () => {
  const on = { vaultNamespace: "", token };
  const dead: Reply = {
    status: 403,
    body: { errors: ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"] },
  };

  test("looked up dead is said to be", async () => {
    const connection = through([await node([dead])]);
    expect(await failure(client.lookupSelf(connection, on, caller, never))).toMatchObject({ kind: "token_invalid" });
  });

  test("is revoked, and dead already counts as revoked", async () => {
    const vault = await node([{}, dead]);
    await client.revokeSelf(through([vault]), on, caller, never);
    await client.revokeSelf(through([vault]), on, caller, never);
    expect(vault.seen.map(({ method, url }) => `${method} ${url}`)).toEqual(
      Array(2).fill("POST /v1/auth/token/revoke-self"),
    );
  });

  test("revokes a lease by its id", async () => {
    const vault = await node();
    await client.revokeLease(through([vault]), on, new Redacted("db/creds/a/1"), caller, never);
    expect(vault.seen[0]).toMatchObject({ url: "/v1/sys/leases/revoke", text: '{"lease_id":"db/creds/a/1"}' });
  });
});

describe("an outage", () => {
  test("of one node is not seen: the next is asked, and goes on being asked", async () => {
    const [down, up] = [await deadNode(), await node()];
    await read(through([down, up]));
    await issue(through([down, up]));
    expect(events.filter((event) => event.startsWith("health"))).toEqual(["health outage", "health ok"]);
    expect(events.filter((event) => event.startsWith("failed over"))).toHaveLength(1);
    expect(up.seen).toHaveLength(2);
  });

  test("that passes is not seen by a read", async () => {
    const vault = await node([{ status: 503, text: "" }, { cut: true }, {}]);
    await read(through([vault]));
    expect(vault.seen).toHaveLength(3);
  });

  test("that does not is reported after two more attempts", async () => {
    const vault = await node([{ status: 502, text: "<html>" }]);
    expect(await failure(read(through([vault])))).toMatchObject({ kind: "engine", status: 502 });
    expect(vault.seen).toHaveLength(3);
  });

  test("in the middle of issuing is not tried again: it may have been done", async () => {
    const vault = await node([{ cut: true }, {}]);
    expect(await failure(issue(through([vault])))).toMatchObject({ kind: "engine" });
    expect(vault.seen).toHaveLength(1);
  });

  test.each([
    ["by what it was answered before", "odd/app"],
    ["by its words", "database/creds/app"],
  ])("in the middle of a read that makes a credential is not tried again: known %s", async (_how, path) => {
    paths.learn(sampleConnection().name, "team/a", "odd/app");
    const vault = await node([{ cut: true }, {}]);
    expect(await failure(read(through([vault]), { path }))).toMatchObject({ kind: "engine" });
    expect(vault.seen).toHaveLength(1);
  });

  test("before anything was sent is no reason not to issue elsewhere", async () => {
    const [down, up] = [await deadNode(), await node()];
    await issue(through([down, up]));
    expect(up.seen).toHaveLength(1);
  });

  const timedOut = { status: 408, text: "<html>408 Request Time-out", headers: { Connection: "close" } };
  test.each<[string, Reply]>([
    ["closed", { cut: true }],
    ["given up with a 408", timedOut],
  ])("of a kept-alive socket, %s, costs a read nothing", async (_name, farewell) => {
    const vault = await node([{}, farewell, {}]);
    await read(through([vault]));
    await read(through([vault]));
    expect(events).toEqual(["health ok", "read ok", "read ok"]);
    expect(vault.seen).toHaveLength(3);
  });

  test.each<[string, (connection: Connection) => Promise<unknown>, number]>([
    ["a read is asked once more", (connection) => read(connection), 2],
    ["what makes something is not", issue, 1],
  ])("that is a 408 each time is not hidden, though %s", async (_name, ask, times) => {
    const vault = await node([timedOut]);
    expect(await failure(ask(through([vault])))).toMatchObject({ status: 408 });
    expect(vault.seen).toHaveLength(times);
  });

  test("that lasts makes those who come later fail at once", async () => {
    const clock = new FakeClock();
    const attempts: string[] = [];
    const emit = (event: ConnectionEvent) => event.kind === "vaultRequested" && attempts.push(event.operation);
    const other = createVaultClient({ clock, random: () => 0.01, emit });
    endings.push(() => other.close());
    const connection = through([await deadNode()]);
    const ask = () => failure(other.request(connection, { vaultNamespace: "", token }, plainRead, caller, never));
    for (let time = 0; time < 2; time += 1) {
      let isOver = false;
      void ask().then(() => (isOver = true));
      await vi.waitFor(async () => {
        await clock.advance(100);
        expect(isOver).toBe(true);
      }, patience);
    }
    attempts.length = 0;
    const error = await ask();
    expect(error).toMatchObject({ kind: "outage", message: expect.stringMatching(/asked again in \d s/) as string });
    expect(attempts).toEqual([]);
  });

  test("of a sealed Vault is not asked twice, but a node that is not sealed is", async () => {
    const sealed: Reply = { status: 503, body: { errors: ["Vault is sealed"] } };
    const alone = await node([sealed], "one", undefined, { sealed: true });
    expect(await failure(read(through([alone])))).toMatchObject({ kind: "sealed" });
    expect(alone.seen).toHaveLength(1);
    const [first, second] = [await node([sealed], "one", undefined, { sealed: true }), await node()];
    await issue(through([first, second], { name: "other" }));
    expect(second.seen).toHaveLength(1);
  });

  const forRecovery: Reply = { status: 400, body: { errors: ["path disabled in replication DR secondary mode"] } };

  test("of a disaster recovery secondary is none of the role: the next address is asked", async () => {
    const health = { replication_dr_mode: "secondary" };
    const [first, second] = [await node([forRecovery], "one", undefined, health), await node()];
    await read(through([first, second]));
    expect([first.seen, second.seen].map(({ length }) => length)).toEqual([0, 1]);
    const alone = through([await node([forRecovery], "two", undefined, health)], { name: "alone" });
    const error = await failure(logIn(alone));
    expect(error).toMatchObject({ kind: "outage", message: expect.stringMatching(/serves no clients/) as string });
  });

  test("of a node that became a disaster recovery secondary goes to the next address", async () => {
    const health: Record<string, unknown> = {};
    const [first, second] = [await node([{}, forRecovery], "one", undefined, health), await node()];
    const connection = through([first, second]);
    await read(connection);
    health["replication_dr_mode"] = "secondary";
    await read(connection);
    expect([first.seen, second.seen].map(({ length }) => length)).toEqual([2, 1]);
  });

  test("of a Vault that was never initialised is told so, though it says that it is sealed", async () => {
    const sealed: Reply = { status: 503, body: { errors: ["Vault is sealed"] } };
    const vault = await node([sealed], null, undefined, { initialized: false, sealed: true });
    expect((await failure(read(through([vault])))).message).toMatch(/ is not initialised$/);
  });

  test("that something before Vault refuses says nothing of the token, and names what it may be", async () => {
    const vault = await node([{ status: 403, text: '{"message":"canary"}' }]);
    const error = await failure(read(through([vault])));
    expect(error).toMatchObject({ kind: "protocol", code: "unavailable" });
    expect(error.message).toMatch(
      /\(GET secret\/data\/app\), though it answers sys\/health as Vault does; something before Vault .* may answer this path itself$/,
    );
  });

  test("of what is not Vault at all does not say that it is well", async () => {
    const server = await serveHttp((_request, response) =>
      response.writeHead(301, { Location: "https://vault.example/ui/" }).end(),
    );
    endings.push(() => server.close());
    expect((await failure(read(through([server])))).message).toMatch(
      /redirect \(301\) to https:\/\/vault\.example; .*, and sys\/health not as Vault does either; is Vault behind this address\?$/,
    );
  });

  test("that is a quota is not asked twice", async () => {
    const vault = await node([{ status: 429, body: { errors: ["rate limit quota exceeded"] } }]);
    expect(await failure(read(through([vault])))).toMatchObject({ kind: "quota" });
    expect(vault.seen).toHaveLength(1);
  });

  test("of a node that never answers is over when its time is", async () => {
    const silent = await serveRaw(() => {});
    endings.push(() => silent.close());
    const limits = { ...sampleConnection().limits, requestTimeoutMs: 50 };
    const connection = through([silent], { limits });
    const error = await failure(read(connection));
    expect(error).toMatchObject({ kind: "outage", message: expect.stringMatching(/in time$/) as string });
    const again = await failure(read(connection));
    expect(again).toMatchObject({ kind: "outage", message: expect.stringMatching(/asked again in \d s$/) as string });
    expect(client.loads().get("default")).toMatchObject({ openCircuits: 0 });
  });

  test.each<[string, string]>([
    ["by its method", "pki/issue/web"],
    ["by its path", "database/creds/app"],
  ])("does not send twice what creates a credential, known %s, after any error of an engine", async (_how, path) => {
    const says: Reply = { status: 500, body: { errors: ["local node not active, says the database"] } };
    const vault = await node([says, {}]);
    const method = path.startsWith("pki") ? "POST" : "GET";
    expect(await failure(read(through([vault]), { method, path }))).toMatchObject({ kind: "engine" });
    const [first, second] = [await node([{ text: "<html>" }]), await node()];
    await failure(read(through([first, second], { name: "other" }), { method, path }));
    expect([vault.seen.length, first.seen.length, second.seen.length]).toEqual([1, 1, 0]);
  });
});

describe("what a node that is well never answers", () => {
  const hangs: Handler = () => {};
  const limits = { ...sampleConnection().limits, requestTimeoutMs: 500 };
  test.each<[string, boolean, number]>([
    ["of a standby, which may have lost its leader: the next request is another node's", true, 1],
    ["of an active node, which is asked again", false, 0],
  ])("%s", async (_what, standby, ofOther) => {
    const silent = await node(hangs, "one", undefined, { standby });
    const other = await node();
    const connection = through([silent, other], { limits });
    const error = await failure(read(connection));
    expect(error.kind).toBe("engine");
    expect(error.message.includes("leader")).toBe(standby);
    await read(connection, { path: "secret/data/another" }).catch(() => undefined);
    expect([silent.seen.length, other.seen.length]).toEqual([2 - ofOther, ofOther]);
    expect(events.filter((event) => event.startsWith("failed over"))).toHaveLength(ofOther);
  });
});

test("many requests that a standby never answers open no circuit: all of the next are another node's", async () => {
  const silent = await node(() => {}, "one", undefined, { standby: true });
  const other = await node();
  const connection = through([silent, other], { limits: { ...sampleConnection().limits, requestTimeoutMs: 1_000 } });
  const ten = Array.from({ length: 10 }, (_, n) => ({ path: `secret/data/${n}` }));
  const failed = await Promise.all(ten.map((change) => failure(read(connection, change))));
  expect(failed.map(({ kind }) => kind)).toEqual(ten.map(() => "engine"));
  await Promise.all(ten.map((change) => read(connection, change)));
  expect([other.seen.length, events.filter((event) => event.startsWith("failed over"))]).toEqual([
    10,
    [expect.stringContaining("leader")],
  ]);
});

describe("an answer of 300 KiB", () => {
  const long = { data: { x: "x".repeat(300 << 10) } };
  const on = { vaultNamespace: "", token };

  test.each<[string, (connection: Connection) => Promise<unknown>]>([
    ["a read", (connection) => read(connection)],
    ["what makes a credential", (connection) => issue(connection)],
  ])("is taken of %s", async (_what, ask) => {
    expect(await ask(through([await node([{ body: long }])]))).toMatchObject({ bytes: expect.any(Number) as number });
  });

  test.each<[string, (connection: Connection) => Promise<unknown>]>([
    ["a login", (connection) => logIn(connection)],
    ["a token's lookup", (connection) => client.lookupSelf(connection, on, caller, never)],
    ["a token's renewal", (connection) => client.renewSelf(connection, on, 60_000, caller, never)],
    ["a mount's lookup", (connection) => client.lookupMount(connection, on, "secret/app", caller, never)],
  ])("is refused of %s, which holds no secret", async (_what, ask) => {
    const error = await failure(ask(through([await node([{ body: long }])])));
    expect(error).toMatchObject({
      kind: "protocol",
      message: expect.stringMatching(/sent more than 262144 bytes for .* no secret was asked for/) as string,
    });
  });

  test("is refused of a read where the connection's limit is lower", async () => {
    const limits = { ...sampleConnection().limits, maxAnswerBytes: 65_536 };
    const error = await failure(read(through([await node([{ body: long }])], { limits })));
    expect(error.message).toMatch(
      /sent more than 65536 bytes for GET secret\/data\/app, the connection's limits\.answerBytes; make the secret smaller/,
    );
  });

  test("is refused of a node that tells its health", async () => {
    const error = await failure(read(through([await node([{}], "one", undefined, long)])));
    expect(error).toMatchObject({
      kind: "protocol",
      message: expect.stringMatching(/sent more than the connection's limits/) as string,
    });
  });
});

test("a path that hangs behind a standby that answers others says nothing of the standby", async () => {
  const hangs: Handler = ({ url }, response) => void (url?.endsWith("/slow") || response.end('{"data":{}}'));
  const standby = await node(hangs, "one", undefined, { standby: true });
  const other = await node();
  const connection = through([standby, other], { limits: { ...sampleConnection().limits, requestTimeoutMs: 1_000 } });
  const slow = failure(read(connection, { path: "secret/data/slow" }));
  await until(() => standby.seen.length === 1);
  await read(connection);
  const accepted = standby.accepted();
  expect((await slow).message).not.toContain("leader");
  await read(connection);
  expect([other.seen, events.filter((event) => event.startsWith("failed over"))]).toEqual([[], []]);
  expect(standby.accepted()).toBeLessThanOrEqual(accepted + 1); // One for its health.
});

test("behind one address, a request that a standby never answered is followed by one over a new connection", async () => {
  let asked = 0;
  const hangsOnce: Handler = (_request, response) => (asked += 1) === 2 || response.end('{"data":{}}');
  const balancer = await node(hangsOnce, "one", undefined, { standby: true });
  const connection = through([balancer], { limits: { ...sampleConnection().limits, requestTimeoutMs: 1_000 } });
  await read(connection);
  const before = balancer.accepted();
  await failure(read(connection, { path: "secret/data/slow" }));
  await read(connection);
  expect(balancer.accepted()).toBe(before + 2); // One for its health, beside the one that hung, and one after it.
});

describe("a standby that sends us on", () => {
  test("to a listed node is followed, with what was sent", async () => {
    const leader = await node();
    const redirect: Reply = { status: 307, text: "", headers: { Location: `${leader.origin}/v1/evil` } };
    const standby = await node([redirect], "one", undefined, { standby: true });
    await issue(through([standby, leader]));
    expect(leader.seen[0]).toMatchObject({ method: "POST", url: "/v1/pki/issue/web" });
  });

  test("to one that is not listed learns neither token nor JWT", async () => {
    const stranger = await node();
    const redirect: Reply = { status: 307, text: "", headers: { Location: `${stranger.origin}/v1/x` } };
    const standby = await node([redirect], "one", undefined, { standby: true });
    const errors = [await failure(read(through([standby]))), await failure(logIn(through([standby])))];
    expect(errors.map(({ kind }) => kind)).toEqual(["outage", "outage"]);
    expect(errors[0]?.message).toContain("does not list");
    expect([stranger.accepted(), stranger.seen]).toEqual([0, []]);
  });

  test("in a circle is followed twice and no more", async () => {
    const replies: Reply[] = [{ status: 307, text: "", headers: {} }];
    const standby = () => node(replies, "one", undefined, { standby: true });
    const [a, b] = [await standby(), await standby()];
    replies[0]!.headers!["Location"] = b.origin;
    expect(await failure(read(through([a, b])))).toMatchObject({ kind: "outage" });
    expect(a.seen.length + b.seen.length).toBe(3);
  });
});

describe("a node of another cluster", () => {
  test("is refused before it gets a token, as a fault of the configuration", async () => {
    const health = { sealed: false };
    const [home, foreign] = [await node([{}, { cut: true }], "one", undefined, health), await node([{}], "two")];
    const connection = through([home, foreign]);
    await read(connection);
    health.sealed = true;
    expect(await failure(read(connection))).toMatchObject({ kind: "configuration" });
    expect((await failure(read(connection))).kind).toMatch(/configuration|sealed/);
    expect(foreign.seen).toEqual([]);
    expect(client.faults().get("default")).toMatch(/another cluster/);
  });

  test("cannot be told from one that does not say (an Agent)", async () => {
    const sealed = { sealed: true };
    const [agent, other] = [await node([{ cut: true }], null, undefined, sealed), await node([{}], "two")];
    await read(through([agent, other]));
    expect(other.seen).toHaveLength(1);
  });
});

describe("TLS", () => {
  let directory: string;
  const ca = makeIdentity({ commonName: "ca", isCa: true });
  const good = makeIdentity({ commonName: "vault", names: ["127.0.0.1", "vault.svc"], by: ca });
  const intermediate = makeIdentity({ commonName: "intermediate", isCa: true, by: ca });
  const below = makeIdentity({ commonName: "vault", names: ["127.0.0.1"], by: intermediate });
  const settings = (change: Partial<Connection["tls"]> = {}) => ({
    tls: { caFile: join(directory, "ca.pem"), skipVerify: false, ...change },
  });

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "keymount-tls-"));
    endings.push(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, "ca.pem"), ca.cert);
  });

  test("with the operator's CA is one handshake for many requests", async () => {
    const vault = await node([{}], "one", good);
    for (let request = 0; request < 5; request += 1) await read(through([vault], settings()));
    expect(vault.accepted()).toBe(1);
  });

  test.each([
    ["an intermediate", () => intermediate.cert],
    ["Vault's own certificate", () => below.cert],
  ])("trusts %s as the connection's CA, as Go does", async (_name, trusted) => {
    await writeFile(join(directory, "ca.pem"), trusted());
    await read(through([await node([{}], "one", below)], settings()));
  });

  test("can be told the name to expect", async () => {
    const named = makeIdentity({ commonName: "vault", names: ["vault.svc"], by: ca });
    await read(through([await node([{}], "one", named)], settings({ serverName: "vault.svc" })));
  });

  test.each<[string, () => Identity, RegExp]>([
    [
      "made by another CA",
      () => makeIdentity({ commonName: "vault", names: ["127.0.0.1"], isCa: true }),
      /self-signed/,
    ],
    [
      "that has expired",
      () => makeIdentity({ commonName: "vault", names: ["127.0.0.1"], by: ca, notAfter: Date.now() - 86_400_000 }),
      /has expired/,
    ],
    ["for another name", () => makeIdentity({ commonName: "vault", names: ["vault.svc"], by: ca }), /for another name/],
  ])("refuses a certificate %s, and says so until it works", async (_name, identity, message) => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    const vault = await node([{}], "one", identity());
    const error = await failure(read(through([vault], settings())));
    expect(error).toMatchObject({ kind: "configuration", message: expect.stringMatching(message) as string });
    expect(client.faults().get("default")).toMatch(message);
    expect(vault.seen).toEqual([]);
  });

  test("is missed at a port that speaks plain HTTP", async () => {
    const plain = await node();
    const error = await failure(read(through([{ origin: plain.origin.replace("http", "https") }])));
    expect(error).toMatchObject({
      kind: "configuration",
      message: expect.stringMatching(/does not speak TLS/) as string,
    });
  });

  test("is wanted at a port that says so, which learns no token in the clear", async () => {
    const seen: Seen["headers"][] = [];
    const vault = await serveHttp((request, response) => {
      seen.push(request.headers);
      response.writeHead(400).end("Client sent an HTTP request to an HTTPS server.\n");
    });
    endings.push(() => vault.close());
    expect(await failure(read(through([vault])))).toMatchObject({ kind: "configuration" });
    expect(seen.map((headers) => headers["x-vault-token"])).toEqual([undefined]);
  });

  test("takes up a new CA while in use, and lets the old sockets go", async () => {
    const clock = new FakeClock();
    const other = createVaultClient({ clock, random: () => 0.5, emit: () => {} });
    endings.push(() => other.close());
    const vault = await node([{}], "one", good);
    const ask = () =>
      other.request(through([vault], settings()), { vaultNamespace: "", token }, plainRead, caller, never);
    await ask();
    const stranger = makeIdentity({ commonName: "stranger", isCa: true });
    await writeFile(join(directory, "ca.pem"), stranger.cert);
    await clock.advance(10_000);
    await ask();
    const later = async <T>(work: () => Promise<T>) => {
      await clock.advance(10_000);
      return work();
    };
    await vi.waitFor(
      async () => expect(await later(() => failure(ask()))).toMatchObject({ kind: "configuration" }),
      patience,
    );
    await writeFile(join(directory, "ca.pem"), ca.cert + stranger.cert);
    await vi.waitFor(() => later(ask), patience);
  });

  test("whose files are missing is a fault that names them", async () => {
    const vault = await node([{}], "one", good);
    const connection = through([vault], settings({ caFile: join(directory, "none.pem") }));
    expect(await failure(read(connection))).toMatchObject({ kind: "configuration" });
    expect(client.faults().get("default")).toContain("none.pem");
    await writeFile(join(directory, "none.pem"), ca.cert);
    await read(connection);
    expect(client.faults().size).toBe(0);
    const told = events.filter((event) => event.startsWith("fault: "));
    expect(told).toEqual([expect.stringContaining("none.pem"), "fault: undefined"]);
  });
});
