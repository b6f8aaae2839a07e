import { readFileSync } from "node:fs";
import { constants } from "node:http2";
import { credentials, Metadata } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { RawHttp2Client } from "../../dev/testing/http2-client.js";
import { mountWith, startTestServer } from "../../dev/testing/rpc-server.js";
import { CSIDriverProviderClient, MountRequest } from "../wire/provider.js";
import { callVersion } from "./call-version.js";
import { flag, frame, frameType } from "./http2-frames.js";

const opened: RawHttp2Client[] = [];
afterEach(() => opened.splice(0).forEach((client) => client.close()));

async function connected(): Promise<RawHttp2Client> {
  const { socketPath } = await startTestServer();
  const client = await RawHttp2Client.connect(socketPath);
  opened.push(client);
  return client;
}

/** A provider whose Mount never answers, a client of it, and the signal its Mount was given. */
async function connectedToSlowMount() {
  let given: (signal: AbortSignal) => void = () => {};
  const called = new Promise<AbortSignal>((resolve) => (given = resolve));
  const { socketPath } = await startTestServer({
    service: {
      version: () => ({ version: "", runtimeName: "", runtimeVersion: "" }),
      mount: mountWith((_request, signal) => {
        given(signal);
        return new Promise(() => {});
      }),
    },
  });
  const client = await RawHttp2Client.connect(socketPath);
  opened.push(client);
  return { called, client };
}

const recorded = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const recordedStreams = [1, 3, 5, 7, 9];

describe("every recorded stream of a real driver is answered", () => {
  test.each([
    ["1.5.6, all at once", "driver-1.5.6.client.bin", 1_000_000],
    ["1.5.6, byte by byte", "driver-1.5.6.client.bin", 1],
    ["1.5.6, in pieces that cut frames", "driver-1.5.6.client.bin", 37],
    ["1.6.0, all at once", "driver-1.6.0.client.bin", 1_000_000],
    ["1.6.0, byte by byte", "driver-1.6.0.client.bin", 1],
  ])("%s", async (_name, file, size) => {
    const client = await connected();
    const bytes = recorded(file);
    for (let at = 0; at < bytes.length; at += size) {
      client.send(bytes.subarray(at, at + size));
      if (at % 64 === 0) await new Promise(setImmediate);
    }
    await client.until(() => recordedStreams.every((stream) => client.endOf(stream)));
    expect(recordedStreams.map((stream) => client.endOf(stream))).toEqual(recordedStreams.map(() => "answered"));
  });
});

const literal = (name: string, value: string) =>
  Buffer.concat([Buffer.from([0x40, name.length]), Buffer.from(name), plain(value)]);
const plain = (value: string) => {
  if (value.length < 127) return Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const rest = value.length - 127;
  return Buffer.concat([Buffer.from([0x7f, (rest % 128) | 0x80, rest >> 7]), Buffer.from(value)]);
};

const rawPath = "/etc/kubernetes/secrets-store-csi-providers/vault.sock";
/** A request's headers as a first block writes them: each but the indexed ones enters the dynamic table. */
const firstBlock = (authority: string, ...more: Buffer[]) =>
  Buffer.concat([
    Buffer.from([0x83, 0x86]),
    literal(":path", "/v1alpha1.CSIDriverProvider/Version"),
    literal(":authority", authority),
    literal("content-type", "application/grpc"),
    literal("te", "trailers"),
    ...more,
  ]);
/** The same request out of the dynamic table that `firstBlock` filled. */
const indexedBlock = Buffer.from([0x83, 0x86, 0xc1, 0xc0, 0xbf, 0xbe]);

const message = Buffer.from([0, 0, 0, 0, 0]);
const body = (stream: number) => frame(0, flag.endStream, stream, message);
const headers = (stream: number, block: Buffer, flags: number = flag.endHeaders) =>
  frame(frameType.headers, flags, stream, block);

test("what a client sends is written nowhere, though grpc-js would", async () => {
  const written = vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => written.mockRestore());
  const client = await connected();
  client.callVersion();
  client.send(headers(1, firstBlock("localhost", literal("$", "theirs"))), body(1));
  await client.until(() => client.endOf(1) !== undefined);
  expect(written).not.toHaveBeenCalled();
});

/** Of nghttp2_check_authority, without what Node 22 and later refuse of it. */
const printable = "AZaz09-._~!$&'()*+,;=%:";

describe(":authority", () => {
  test.each([
    ["the socket's path, as drivers up to 1.5.6 send it", rawPath],
    ["the path, percent-encoded", "%2Fetc%2Fkubernetes%2Fvault.sock"],
    ["localhost", "localhost"],
    ["a file's name", "vault.sock"],
    ["a path of every printable character that Node takes", `/x/${printable}/y/vault.sock`],
  ])("%s is answered", async (_name, authority) => {
    const client = await connected();
    client.callVersion();
    client.send(headers(1, firstBlock(authority)), body(1));
    await client.until(() => client.endOf(1) !== undefined);
    expect(client.endOf(1)).toBe("answered");
  });
});

describe("a connection with the socket's path as its authority", () => {
  const block = firstBlock(rawPath);
  const padded = (stream: number) =>
    headers(
      stream,
      Buffer.concat([Buffer.from([5, 0, 0, 0, 0, 15]), block, Buffer.alloc(5)]),
      flag.endHeaders | flag.padded | flag.priority,
    );

  test.each<[string, number[], Buffer[]]>([
    [
      "takes it from the HPACK table later",
      [1, 3, 5],
      [headers(1, block), body(1), headers(3, indexedBlock), body(3), headers(5, indexedBlock), body(5)],
    ],
    [
      "interleaves its streams",
      [1, 3, 5],
      [headers(1, block), headers(3, indexedBlock), headers(5, indexedBlock), body(5), body(1), body(3)],
    ],
    [
      "spreads its headers over CONTINUATIONs",
      [1, 3],
      [
        headers(1, block.subarray(0, -40), 0),
        frame(frameType.continuation, 0, 1, block.subarray(-40, -7)),
        frame(frameType.continuation, flag.endHeaders, 1, block.subarray(-7)),
        body(1),
        headers(3, indexedBlock),
        body(3),
      ],
    ],
    ["pads and prioritises its headers", [1, 3], [padded(1), body(1), headers(3, indexedBlock), body(3)]],
    [
      "resizes and refills its table",
      [1, 3],
      [headers(1, block), body(1), headers(3, Buffer.concat([Buffer.from([0x20, 0x3f, 0xe1, 0x1f]), block])), body(3)],
    ],
    [
      "evicts from its table",
      [1, 3, 5],
      [
        headers(1, firstBlock(rawPath, literal("x", "v".repeat(4_000)))),
        body(1),
        headers(3, block),
        body(3),
        headers(5, indexedBlock),
        body(5),
      ],
    ],
    [
      "fills a frame with its headers",
      [1],
      [
        headers(1, firstBlock(rawPath, ...Array.from({ length: 5 }, (_, n) => literal(`x${n}`, "v".repeat(3_000))))),
        body(1),
      ],
    ],
    [
      "ends a request with trailers",
      [1],
      [
        headers(1, block),
        frame(0, 0, 1, message),
        headers(1, literal("x-trailer", "1"), flag.endHeaders | flag.endStream),
      ],
    ],
    [
      "cuts its bodies into small frames",
      [1],
      [
        headers(1, block),
        ...[...message].map((byte) => frame(0, 0, 1, Buffer.from([byte]))),
        frame(0, flag.endStream, 1, Buffer.alloc(0)),
      ],
    ],
    ["sends frames of kinds unknown", [1], [frame(0xfa, 0, 0, Buffer.from("x")), headers(1, block), body(1)]],
  ])("%s", async (_name, streams, frames) => {
    for (const size of [1_000_000, 1]) {
      const client = await connected();
      client.callVersion();
      const bytes = Buffer.concat(frames);
      for (let at = 0; at < bytes.length; at += size) client.send(bytes.subarray(at, at + size));
      await client.until(() => streams.every((stream) => client.endOf(stream)));
      expect(streams.map((stream) => client.endOf(stream))).toEqual(streams.map(() => "answered"));
    }
  });

  test("has its PINGs answered, before and after its first request", async () => {
    const client = await connected();
    client.callVersion();
    const ping = frame(6, 0, 0, Buffer.alloc(8, 7));
    client.send(ping, headers(1, block), ping, body(1), ping);
    await client.until(() => client.frames.filter(({ type }) => type === 6).length === 3);
    await client.until(() => client.endOf(1) !== undefined);
  });

  test("gives up one request, and goes on", async () => {
    const client = await connected();
    client.callVersion();
    client.send(headers(1, block), frame(3, 0, 1, Buffer.from([0, 0, 0, 8])), headers(3, indexedBlock), body(3));
    await client.until(() => client.endOf(3) !== undefined);
    expect(client.endOf(3)).toBe("answered");
  });

  test("goes away amid a request, which is then cancelled", async () => {
    const { called, client } = await connectedToSlowMount();
    client.callVersion();
    const mountBlock = Buffer.concat([
      Buffer.from([0x83, 0x86]),
      literal(":path", "/v1alpha1.CSIDriverProvider/Mount"),
      literal(":authority", rawPath),
      literal("content-type", "application/grpc"),
    ]);
    client.send(headers(1, mountBlock), body(1));
    const signal = await called;
    client.close();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    expect(signal.reason).toMatchObject({ code: "cancelled" });
  });

  test("makes ten thousand requests", async () => {
    const client = await connected();
    client.callVersion();
    const window = Buffer.alloc(4);
    window.writeUInt32BE(2 ** 30);
    client.send(frame(8, 0, 0, window), headers(1, block), body(1));
    for (let from = 3; from < 20_000; from += 200) {
      const streams = Array.from({ length: 100 }, (_, n) => from + 2 * n);
      client.send(...streams.flatMap((stream) => [headers(stream, indexedBlock), body(stream)]));
      // In order, which looks at few frames; requests may be answered in another.
      for (const stream of streams.toReversed()) await client.until(() => client.endOf(stream) !== undefined);
      expect(streams.every((stream) => client.endOf(stream) === "answered")).toBe(true);
      client.frames.length = 0;
    }
  }, 30_000);
});

describe("bytes that are no HTTP/2 end the connection, and only it", () => {
  test.each<[string, string, Buffer[]]>([
    ["a block that cannot be read", "COMPRESSION_ERROR", [headers(1, Buffer.from([0x80]))]],
    [
      "one, after good ones",
      "COMPRESSION_ERROR",
      [headers(1, firstBlock(rawPath)), body(1), headers(3, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
    ],
    ["a frame between the fragments of a block", "PROTOCOL_ERROR", [headers(1, firstBlock(rawPath), 0), body(1)]],
    [
      "more padding than frame",
      "PROTOCOL_ERROR",
      [headers(1, Buffer.from([200, 0x83]), flag.endHeaders | flag.padded)],
    ],
    [
      "a block of endless fragments",
      "INTERNAL_ERROR",
      [
        headers(1, firstBlock(rawPath), 0),
        ...Array.from({ length: 50 }, () => frame(frameType.continuation, 0, 1, Buffer.alloc(0))),
      ],
    ],
    [
      "a frame of headers larger than allowed",
      "FRAME_SIZE_ERROR",
      [headers(1, Buffer.concat([firstBlock(rawPath), Buffer.alloc(20_000, 0x82)]))],
    ],
  ])("%s: %s", async (_name, code, frames) => {
    const client = await connected();
    client.callVersion();
    client.send(...frames);
    await client.until(() => client.goaway !== undefined);
    expect(client.goaway).toBe(constants[`NGHTTP2_${code}` as keyof typeof constants]);
    await client.until(() => client.closed);
  });

  test("headers that unfold beyond measure end their request", async () => {
    const client = await connected();
    client.callVersion();
    client.send(headers(1, firstBlock(rawPath, literal("x", "v".repeat(3_000)), Buffer.alloc(1_000, 0xbe))));
    await client.until(() => client.endOf(1) !== undefined);
    expect(client.endOf(1)).toBe(`reset ${constants.NGHTTP2_ENHANCE_YOUR_CALM}`);
  });

  test("garbage instead of a preface", async () => {
    const client = await connected();
    client.send(Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    await client.until(() => client.closed);
  });
});

test("recorded bytes, damaged and cut anywhere, by clients that leave at any time, do not affect other clients", async () => {
  const { socketPath } = await startTestServer();
  const bytes = recorded("driver-1.5.6.client.bin");
  const damage = fc.array(fc.record({ at: fc.nat(bytes.length - 1), to: fc.nat(255) }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(damage, fc.nat(bytes.length), fc.integer({ min: 1, max: 700 }), async (changes, length, size) => {
      const sent = Buffer.from(bytes.subarray(0, length));
      for (const { at, to } of changes) if (at < length) sent[at] = to;
      const client = await RawHttp2Client.connect(socketPath);
      for (let at = 0; at < length; at += size) {
        client.send(sent.subarray(at, at + size));
        if (at % 3 === 0) await new Promise(setImmediate);
      }
      client.close();
    }),
    { numRuns: 300 },
  );
  expect(await callVersion(socketPath, AbortSignal.timeout(5_000))).toMatchObject({ runtimeName: "keymount" });
});

describe("a client of grpc-js with the socket's path as its authority", () => {
  const clientOf = async () => {
    const { socketPath } = await startTestServer({
      service: {
        version: () => ({ version: "v1alpha1", runtimeName: "keymount", runtimeVersion: "1.2.3" }),
        mount: mountWith(async ({ attributes }) => ({
          objectVersion: [{ id: "a", version: "1" }],
          error: undefined,
          files: [{ path: "a", mode: 0o644, contents: Buffer.from(attributes) }],
        })),
      },
    });
    const client = new CSIDriverProviderClient(`unix:${socketPath}`, credentials.createInsecure(), {
      "grpc.default_authority": socketPath,
      "grpc.max_receive_message_length": -1,
    });
    onTestFinished(() => client.close());
    return client;
  };
  const mount = (client: CSIDriverProviderClient, attributes: string, metadata = new Metadata()) =>
    new Promise<Buffer>((resolve, reject) => {
      client.mount({ ...MountRequest.decode(Buffer.alloc(0)), attributes }, metadata, (error, response) =>
        error ? reject(error) : resolve(response.files[0]!.contents),
      );
    });

  test("gets back hundreds of kilobytes unchanged, many at once", async () => {
    const client = await clientOf();
    const sent = Array.from({ length: 8 }, (_, n) => String.fromCharCode(97 + n).repeat(700_000 + n));
    const got = await Promise.all(sent.map((attributes) => mount(client, attributes)));
    expect(got.map((contents) => contents.toString() === sent[got.indexOf(contents)])).toEqual(sent.map(() => true));
  });

  test("is served with headers of every printable character", async () => {
    const client = await clientOf();
    const metadata = new Metadata();
    const printable = Array.from({ length: 95 }, (_, n) => String.fromCharCode(32 + n)).join("");
    metadata.set("x-printable", `a${printable.trim()}b`);
    for (let round = 0; round < 3; round += 1) expect((await mount(client, "x", metadata)).toString()).toBe("x");
  });
});
