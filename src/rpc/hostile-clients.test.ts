import { describe, expect, onTestFinished, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { RawHttp2Client } from "../../dev/testing/http2-client.js";
import { startTestServer } from "../../dev/testing/rpc-server.js";
import { callVersion } from "./call-version.js";
import { HpackDecoder } from "../../dev/testing/hpack-decoder.js";
import { encodeHeaders } from "../../dev/testing/hpack-encoder.js";
import { flag, frame, frameType } from "./http2-frames.js";

type Fields = Record<string, string | undefined>;

const call = {
  ":method": "POST",
  ":scheme": "http",
  ":path": "/v1alpha1.CSIDriverProvider/Mount",
  ":authority": "localhost",
  "content-type": "application/grpc",
  te: "trailers",
};
const block = (change: Fields = {}) =>
  encodeHeaders(
    Object.entries({ ...call, ...change }).flatMap(([name, value]) =>
      value === undefined ? [] : [{ name, value, neverIndexed: false }],
    ),
  );
const headers = (stream: number, change?: Fields, flags: number = flag.endHeaders) =>
  frame(frameType.headers, flags, stream, block(change));
const data = (stream: number, flags: number = flag.endStream, payload = Buffer.alloc(5)) =>
  frame(0, flags, stream, payload);
const number = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const reset = (stream: number, code = 8) => frame(frameType.reset, 0, stream, number(code));
const setting = (id: number, value: number) => frame(4, 0, 0, Buffer.concat([Buffer.of(0, id), number(value)]));
const goaway = frame(7, 0, 0, Buffer.alloc(8));
const many = (count: number, of: (n: number) => Buffer[]) => Array.from({ length: count }, (_, n) => of(n)).flat();
const unknown = { ":path": "/v1alpha1.CSIDriverProvider/None" };

/** A server, a client of it after the HTTP/2 preface, and the uncaught errors. */
async function hostile() {
  const uncaught: unknown[] = [];
  const note = (reason: unknown) => void uncaught.push(reason);
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, note);
    onTestFinished(() => void process.off(event, note));
  }
  const { socketPath } = await startTestServer();
  const client = await RawHttp2Client.connect(socketPath);
  onTestFinished(() => client.close());
  client.callVersion();
  return { client, uncaught, socketPath };
}

describe.each<[string, () => Buffer[]]>([
  ["an unknown method, reset in the same packet", () => [headers(1, unknown), reset(1)]],
  ["no content type, reset in the same packet", () => [headers(1, { "content-type": undefined }), reset(1)]],
  ["another content type, reset in the same packet", () => [headers(1, { "content-type": "text/html" }), reset(1)]],
  ["a GET, reset in the same packet", () => [headers(1, { ":method": "GET" }), reset(1)]],
  ["a known method, reset before its message", () => [headers(1), reset(1)]],
  ["a known method, reset within its message", () => [headers(1), data(1, 0, Buffer.alloc(3)), reset(1)]],
  ["a known method, reset after its end", () => [headers(1), data(1), reset(1)]],
  ["a known method, reset without an error", () => [headers(1), data(1), reset(1, 0)]],
  ["a call that is over at its headers, and reset", () => [headers(1, {}, 5), reset(1)]],
  ["a deadline that is over, and a reset", () => [headers(1, { "grpc-timeout": "0S" }), reset(1)]],
  ["a deadline that is none, and a reset", () => [headers(1, { "grpc-timeout": "soon" }), reset(1)]],
  ["an unknown encoding, and a reset", () => [headers(1, { "grpc-encoding": "x" }), data(1), reset(1)]],
  ["a reset with no room for header tables", () => [setting(1, 0), headers(1, unknown), reset(1)]],
  ["a goodbye after an unknown method", () => [headers(1, unknown), goaway]],
  ["a goodbye after a call", () => [headers(1), data(1), goaway]],
  ["trailers before a message", () => [headers(1), headers(1, {}, 5)]],
  ["headers twice", () => [headers(1), headers(1)]],
  ["no window", () => [setting(4, 0), headers(1), data(1), reset(1)]],
  ["frames of no size", () => [setting(5, 0), headers(1), data(1)]],
  ["a message after a reset", () => [headers(1), reset(1), data(1)]],
  ["a reset of what never was", () => [reset(7)]],
  ["a thousand header fields", () => [frame(frameType.headers, 4, 1, Buffer.alloc(16_000, block()))]],
  ["an authority no server takes, and a reset", () => [headers(1, { ":authority": "/a", ...unknown }), reset(1)]],
  ["rapid resets", () => many(3_000, (n) => [headers(2 * n + 1), reset(2 * n + 1)])],
  ["rapid resets of unknown methods", () => many(3_000, (n) => [headers(2 * n + 1, unknown), reset(2 * n + 1)])],
  ["a flood of settings", () => many(5_000, () => [setting(4, 65_535)])],
  ["a flood of pings", () => many(5_000, () => [frame(6, 0, 0, Buffer.alloc(8))])],
  ["a flood of priorities", () => many(5_000, (n) => [frame(2, 0, 2 * n + 1, Buffer.alloc(5))])],
  ["a flood of empty frames", () => [headers(1), ...many(5_000, () => [data(1, 0, Buffer.alloc(0))])]],
  [
    "a flood of continuations",
    () => [headers(1, {}, 0), ...many(5_000, () => [frame(frameType.continuation, 0, 1, Buffer.alloc(0))])],
  ],
])("%s", (_name, sent) => {
  test.each(["in one packet", "a frame at a time"])("%s, ends nothing and holds nothing up", async (how) => {
    const { client, uncaught, socketPath } = await hostile();
    const frames = sent();
    if (how === "in one packet" || frames.length > 100) client.send(...frames);
    else for (const one of frames) await sendAlone(client, one);

    await callVersion(socketPath, AbortSignal.timeout(10_000));
    client.close();
    await callVersion(socketPath, AbortSignal.timeout(10_000));
    expect(uncaught).toEqual([]);
  });
});

test.each<[string, () => Buffer[]]>([
  ["a frame of no stream's", () => [headers(1), ...many(2_000, () => [data(0, 0, Buffer.alloc(250))])]],
  ["windows without end", () => many(2_000, () => [frame(8, 0, 0, number(0x7fff_ffff))])],
  [
    "headers that cannot be read",
    () => [frame(frameType.headers, 4, 1, Buffer.of(0x80)), ...many(9_000, () => [goaway])],
  ],
])("a connection that the server gives up for %s ends, also for a client that waits", async (_name, sent) => {
  const { client } = await hostile();
  client.send(...sent());
  client.end();
  await client.until(() => client.closed).catch(() => undefined);
  expect(client.closed).toBe(true);
});

async function sendAlone(client: RawHttp2Client, bytes: Buffer): Promise<void> {
  client.send(bytes);
  await new Promise((resolve) => setImmediate(resolve));
}

test.each<[string, Fields, Record<string, string>]>([
  ["an unknown method", unknown, { ":status": "200", "grpc-status": "12" }],
  ["another service", { ":path": "/grpc.health.v1.Health/Check" }, { ":status": "200", "grpc-status": "12" }],
  ["an odd path", { ":path": "/\u0080\u00ff" }, { ":status": "200", "grpc-status": "12" }],
  ["no gRPC", { "content-type": "application/json" }, { ":status": "415" }],
  ["no content type", { "content-type": undefined }, { ":status": "415" }],
  ["a GET", { ":method": "GET" }, { ":status": "405" }],
])("%s is answered as such, and its stream ends", async (_name, change, answer) => {
  const { client, uncaught } = await hostile();
  client.send(headers(1, change));
  await client.until(() => client.endOf(1) !== undefined);
  const decoder = new HpackDecoder({ tableSize: 4_096, listSize: 65_535 });
  const { payload } = client.frames.find(({ type }) => type === frameType.headers)!;
  const fields = decoder.decode(payload).map(({ name, value }) => [name, value] as const);
  expect(Object.fromEntries(fields)).toMatchObject(answer);
  expect(JSON.stringify(fields)).not.toContain("None");
  expect(uncaught).toEqual([]);
});

describe("while four large Mounts arrive without an end", () => {
  const announce = (bytes: number) => Buffer.concat([Buffer.alloc(1), number(bytes)]);
  const half = (stream: number) => [
    headers(stream),
    data(stream, 0, Buffer.concat([announce(200_000), Buffer.alloc(100)])),
  ];

  test.each<[string, (stream: number) => Buffer[], string]>([
    ["a small Mount is answered", (stream) => [headers(stream), data(stream, flag.endStream, announce(0))], "answered"],
    [
      "a small Mount in pieces is answered",
      (stream) => [
        headers(stream),
        data(stream, 0, announce(0).subarray(0, 2)),
        data(stream, flag.endStream, announce(0).subarray(2)),
      ],
      "answered",
    ],
    [
      "a Mount that is over at its headers is reset",
      (stream) => [headers(stream, {}, flag.endHeaders | flag.endStream)],
      "reset 0",
    ],
    [
      "a Mount of nothing is reset",
      (stream) => [headers(stream), data(stream, flag.endStream, Buffer.alloc(0))],
      "reset 0",
    ],
  ])("%s", async (_name, sent, end) => {
    // Its time stands still: no Mount gives up its place.
    const { socketPath } = await startTestServer({ clock: new FakeClock() });
    const client = await RawHttp2Client.connect(socketPath);
    onTestFinished(() => client.close());
    client.callVersion();
    client.send(...[1, 3, 5, 7].flatMap(half), ...sent(9));
    await client.until(() => client.endOf(9) !== undefined);
    expect(client.endOf(9)).toBe(end);
  });
});
