import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { DriverClient } from "../src/driver/driver-client.js";
import { AuthorityRewriter } from "../src/rpc/authority-rewriter.js";
import { HpackDecoder } from "../dev/testing/hpack-decoder.js";
import { frameType } from "../src/rpc/http2-frames.js";
import { versionResponse } from "../src/rpc/provider-service.js";
import { createRpcServer } from "../src/rpc/server.js";
import { systemClock } from "../src/shared/clock.js";
import { mountWith } from "../dev/testing/rpc-server.js";
import { RawHttp2Client } from "../dev/testing/http2-client.js";
import { damagedBytes, rawBytes } from "./mutations.js";
import { expectFinal } from "./final-code.js";
import { callTakenBack, callWith, http2Traffic, withPrefix } from "./http2-traffic.js";
import type { Target } from "./target.js";

const captures = await Promise.all(
  ["1.5.6", "1.6.0"].map((version) => readFile(resolve(`src/rpc/fixtures/driver-${version}.client.bin`))),
);

/** What one client sends. */
interface Client {
  sent: Buffer;
  /** Where it is cut into pieces: bytes in each. */
  piece: number;
}

const client: fc.Arbitrary<Client> = fc.record({
  sent: fc.oneof(
    { weight: 3, arbitrary: damagedBytes(fc.constantFrom(...captures)) },
    { weight: 3, arbitrary: http2Traffic },
    { weight: 1, arbitrary: rawBytes(200) },
  ),
  piece: fc.oneof(fc.constant(1 << 20), fc.integer({ min: 1, max: 300 })),
});
const nothing = withPrefix(Buffer.alloc(0), 0);

/** Arbitrary bytes of concurrent clients of the socket, through the shim into grpc-js. */
export const authorityTarget: Target<Client[]> = {
  name: "authority",
  cases: fc.array(client, { minLength: 1, maxLength: 12, size: "max" }),
  regressions: [
    ...captures.flatMap((sent) => [
      { sent, piece: 1 << 20 },
      { sent, piece: 1 },
      { sent: sent.subarray(0, 100), piece: 7 },
      { sent: Buffer.concat([sent, sent]), piece: 1_000 },
    ]),
    { sent: callWith({ $: "x" }, nothing), piece: 1 << 20 },
    { sent: callWith({ "grpc-timeout": "1n" }, nothing), piece: 1 << 20 },
    { sent: callWith({}, withPrefix(Buffer.alloc(0), 5 << 20)), piece: 1 << 20 },
    { sent: callWith({ "grpc-encoding": "gzip" }, withPrefix(Buffer.from("x"), 1)), piece: 1 << 20 },
    { sent: callTakenBack({}), piece: 1 << 20 },
    { sent: callTakenBack({ ":path": "/none" }), piece: 1 << 20 },
    { sent: callTakenBack({ "content-type": "text/html" }), piece: 1 << 20 },
  ].map((traffic) => [traffic]),
  async open() {
    const directory = await mkdtemp(join(tmpdir(), "km-fuzz-"));
    const socketPath = join(directory, "vault.sock");
    const server = createRpcServer({
      socketPaths: [socketPath],
      service: {
        version: () => versionResponse("1"),
        mount: mountWith(async ({ targetPath }) => ({
          objectVersion: [{ id: "app", version: "1" }],
          error: undefined,
          files: [{ path: "app", mode: 0o644, contents: Buffer.from(targetPath) }],
        })),
      },
      clock: systemClock,
      random: Math.random,
      emit: () => {},
    });
    await server.listen(new AbortController().signal);
    const driver = new DriverClient(socketPath);
    return {
      async check(clients) {
        for (const { sent, piece } of clients) expectSameHoweverCut(sent, piece);
        await Promise.all(clients.map(({ sent, piece }) => expectFinalAnswers(socketPath, sent, piece)));
        await driver.version(new AbortController().signal);
      },
      async close() {
        driver.close();
        await server.stop();
        await rm(directory, { recursive: true });
      },
    };
  },
};

function pieces(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size));
}

/** How a stream of bytes is cut says nothing, and nothing is made of nothing. */
function expectSameHoweverCut(sent: Buffer, size: number): void {
  const rewrite = (parts: Buffer[]) => {
    const rewriter = new AuthorityRewriter();
    return Buffer.concat(parts.flatMap((part) => rewriter.push(Buffer.from(part))));
  };
  const [atOnce, inPieces] = [rewrite([sent]), rewrite(pieces(sent, size))];
  if (!atOnce.equals(inPieces)) throw new Error(`cut into pieces of ${size}, another stream comes out`);
  if (atOnce.length > sent.length) throw new Error(`${sent.length} bytes became ${atOnce.length}`);
}

const timeoutMs = 10_000;
/** A stream that is damaged may wait for more for good. */
const listeningMs = 20;

/** Every call that the server has begun to answer, of those sent, has its end. */
function isAnswered(client: RawHttp2Client): boolean {
  const streams = new Set(client.frames.map(({ stream }) => stream).filter((stream) => stream !== 0));
  return streams.size > 0 && [...streams].every((stream) => client.endOf(stream) !== undefined);
}

/** The connection ends when its client leaves, and every answer on it has a final code. */
async function expectFinalAnswers(socketPath: string, sent: Buffer, size: number): Promise<void> {
  const client = await RawHttp2Client.connect(socketPath);
  const timer = setTimeout(() => client.close(), timeoutMs);
  const startedAt = performance.now();
  for (const piece of pieces(sent, Math.max(size, Math.ceil(sent.length / 50)))) client.send(piece);
  await Promise.race([client.until(() => isAnswered(client)), sleep(listeningMs)]).catch(() => undefined);
  client.end();
  await client.until(() => client.closed).catch(() => undefined);
  clearTimeout(timer);
  if (performance.now() - startedAt >= timeoutMs) throw new Error("the connection outlives its client");
  const decoder = new HpackDecoder({ tableSize: 4_096, listSize: 65_535 });
  for (const { type, payload } of client.frames) {
    if (type !== frameType.headers) continue;
    for (const { name, value } of decoder.decode(payload)) if (name === "grpc-status") expectFinal(Number(value));
  }
}
