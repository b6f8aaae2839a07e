import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.js";
import { type ReadyVault, startReadyVault } from "../testing/ready-vault.js";
import {
  answering,
  delayed,
  dripping,
  emptyBody,
  erring,
  type Fault,
  flooding,
  gzipBomb,
  hanging,
  html,
  loginWithoutAuth,
  misdeclared,
  noContent,
  redirecting,
  reset,
  resetAfterAnswer,
  resetAfterHeaders,
  resetMidBody,
  truncated,
} from "./faults.js";

const clock = new FakeClock();
let ready: ReadyVault;
let token: string;

beforeAll(async () => {
  ready = await startReadyVault({ clock });
  token = ready.vault.rootToken;
});
afterAll(() => ready.stop());
afterEach(() => ready.vault.clearFaults());

const path = "kv1/app";

/** What comes over the wire, byte by byte, until the other side ends it or `enough` says so. */
function listen(enough: (received: string) => boolean = () => false): Promise<{ received: string; end: string }> {
  const socket = connect(Number(new URL(ready.address).port), "127.0.0.1");
  socket.write(`GET /v1/${path} HTTP/1.1\r\nhost: vault\r\nx-vault-token: ${token}\r\n\r\n`);
  let received = "";
  return new Promise((resolve) => {
    const done = (end: string) => {
      socket.destroy();
      resolve({ received, end });
    };
    socket.on("data", (bytes: Buffer) => {
      received += bytes.toString("latin1");
      if (enough(received)) done("enough");
    });
    socket.on("error", (error: NodeJS.ErrnoException) => done(error.code ?? "error"));
    socket.on("end", () => done("end"));
  });
}

const body = (received: string) => received.slice(received.indexOf("\r\n\r\n") + 4);
const honestLength = async () => Number(/content-length: (\d+)/.exec((await listen(isWhole)).received)![1]);
const isWhole = (received: string) => received.includes("mount_type");
const once = (fault: Fault) => ready.vault.fault({ path, times: 1 }, fault);

describe("a request goes wrong", () => {
  test.each<[string, Fault, RegExp]>([
    ["before the headers", reset(), /^$/],
    ["after the headers", resetAfterHeaders(), /^HTTP\/1\.1 200[^]*\r\n\r\n$/],
    ["in the middle of the body", resetMidBody(), /\r\n\r\n\{"request_id":.*[^}]$/],
    ["after the answer", resetAfterAnswer(), /"mount_type":"kv"\}\n$/],
    ["before the length that was promised", misdeclared(10), /"mount_type":"kv"\}\n$/],
  ])("and the connection ends %s", async (_, fault, wire) => {
    once(fault);
    const { received, end } = await listen();
    // Node sends a FIN before its RST, and either may be seen first.
    expect(end).toMatch(/^(end|ECONNRESET)$/);
    expect(received).toMatch(wire);
  });

  test("with a length that is too long says more than it sends", async () => {
    once(misdeclared(10));
    const { received } = await listen();
    expect(Number(/content-length: (\d+)/.exec(received)![1])).toBe(body(received).length + 10);
  });

  test("without an answer, ever", async () => {
    const fault = once(hanging());
    const listening = listen();
    await expect.poll(() => fault.hits).toBe(1);
    await clock.advance(3_600_000);
    ready.vault.node.dropConnections();
    expect((await listening).received).toBe("");
  });

  test("late", async () => {
    once(delayed(30_000));
    const listening = listen(isWhole);
    await expect.poll(() => clock.sleepers).toBe(1);
    await clock.advance(30_000);
    expect((await listening).end).toBe("enough");
  });

  test("byte by byte", async () => {
    once(dripping({ bytes: 20, everyMs: 1_000 }));
    let received: string | undefined;
    const listening = listen(isWhole).then((got) => (received = got.received));
    const began = clock.monotonic();
    while (received === undefined) await clock.advance(1_000);
    expect(clock.monotonic() - began).toBeGreaterThanOrEqual(5_000);
    expect(await listening).toContain('"password":"one"');
  });

  test("half told", async () => {
    const whole = await honestLength();
    once(truncated());
    const { received } = await listen((text) => body(text).length >= Math.floor(whole / 2));
    expect(() => JSON.parse(body(received)) as unknown).toThrow();
  });

  test("with far more than was asked for", async () => {
    once(flooding(1 << 20));
    const { received } = await listen((text) => text.length > 1 << 20);
    expect(received.length).toBeGreaterThan(1 << 20);
  });

  test.each<[string, Fault, number, string | RegExp]>([
    ["a stranger's page", html(), 200, /<h1>Please sign in/],
    ["an empty body", emptyBody(), 200, /^$/],
    ["no content", noContent(), 204, /^$/],
    ["a login without auth", loginWithoutAuth(), 200, /"auth":null/],
    ["an error of choice", erring(502, "bad gateway"), 502, '{"errors":["bad gateway"]}'],
    ["words of choice", answering(418, "tea"), 418, "tea"],
  ])("with %s", async (_, fault, status, text) => {
    once(fault);
    const response = await fetch(`${ready.address}/v1/${path}`, { headers: { "x-vault-token": token } });
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(text);
  });

  test("with a small body that becomes a large one", async () => {
    once(gzipBomb(1 << 20));
    const response = await fetch(`${ready.address}/v1/${path}`, { headers: { "x-vault-token": token } });
    expect(Number(response.headers.get("content-length"))).toBeLessThan(4_096);
    expect((await response.arrayBuffer()).byteLength).toBe(1 << 20);
  });

  test("by being sent elsewhere", async () => {
    once(redirecting("http://elsewhere.example/v1/x"));
    const response = await fetch(`${ready.address}/v1/${path}`, { redirect: "manual" });
    expect(response.status).toBe(307);
    expect(response.headers.get("location")).toBe("http://elsewhere.example/v1/x");
  });
});

describe("a planned fault", () => {
  const status = async (at = path, method = "GET") => {
    const response = await fetch(`${ready.address}/v1/${at}`, { method, headers: { "x-vault-token": token } });
    await response.arrayBuffer();
    return response.status;
  };

  test("befalls only what it names", async () => {
    const fault = ready.vault.fault({ path: /^kv1\//, method: "LIST" }, erring(502));
    expect(await status()).toBe(200);
    expect(await status("kv1/?list=true")).toBe(502);
    expect(fault.hits).toBe(1);
  });

  test("passes after so many times, or when it is cleared", async () => {
    ready.vault.fault({ path, times: 2 }, erring(502));
    expect([await status(), await status(), await status()]).toEqual([502, 502, 200]);
    const fault = ready.vault.fault({ path }, erring(502));
    expect(await status()).toBe(502);
    fault.clear();
    expect(await status()).toBe(200);
  });

  test("can lose the answer of what was done", async () => {
    ready.vault.fault({ path: "kv1/written", times: 1 }, reset({ carriedOut: true }));
    const headers = { "x-vault-token": token };
    const write = fetch(`${ready.address}/v1/kv1/written`, { method: "POST", headers, body: '{"x":"1"}' });
    await expect(write).rejects.toThrow();
    expect(await status("kv1/written")).toBe(200);
  });
});
