import { Socket } from "node:net";
import { credentials } from "@grpc/grpc-js";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { startTestServer } from "../../dev/testing/rpc-server.js";
import { CSIDriverProviderClient, MountRequest } from "../wire/provider.js";
import { flag, frame, frameHeaderLength, frameType, readFrameHeader } from "./http2-frames.js";
import { WholeAnswers } from "./whole-answers.js";

/** Streams that have begun an answer, and those that have ended theirs, by what one write of the server holds. */
function answersIn(bytes: Buffer): { begun: Set<number>; ended: Set<number> } {
  const [begun, ended] = [new Set<number>(), new Set<number>()];
  for (let at = 0; at < bytes.length; ) {
    const { length, type, flags, stream } = readFrameHeader(bytes.subarray(at));
    if (type === frameType.headers) (flags & flag.endStream ? ended : begun).add(stream);
    at += frameHeaderLength + length;
  }
  return { begun, ended };
}

const headers = (stream: number) => frame(frameType.headers, flag.endHeaders, stream, Buffer.from("headers"));
const data = (stream: number, bytes = 4) => frame(0, 0, stream, Buffer.alloc(bytes));
const status = (stream: number) => frame(frameType.headers, flag.endHeaders | flag.endStream, stream, Buffer.alloc(1));
const reset = (stream: number) => frame(frameType.reset, 0, stream, Buffer.alloc(4));
const settings = frame(4, 0, 0, Buffer.alloc(6));
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("what is sent", () => {
  test.each<[string, Buffer[], number]>([
    ["no answer: at once", [settings, settings], 2],
    ["an answer in pieces: whole", [headers(1), data(1), status(1)], 1],
    ["an answer that is only a status: at once", [status(1), status(3)], 2],
    ["two answers that overlap: both whole", [headers(1), headers(3), status(1), data(3), status(3)], 1],
    ["an answer that is taken back: then", [headers(1), reset(1), settings], 2],
    [
      "frames cut anywhere: whole",
      [...Buffer.concat([headers(1), data(1), status(1)])].map((byte) => Buffer.of(byte)),
      1,
    ],
  ])("%s", (_name, pieces, writes) => {
    const sent: Buffer[] = [];
    const answers = new WholeAnswers((bytes) => sent.push(bytes));
    for (const piece of pieces) answers.push(piece);
    expect(sent).toHaveLength(writes);
    expect(Buffer.concat(sent)).toEqual(Buffer.concat(pieces));
  });

  test("an answer larger than the client's first window is not held up", () => {
    const sent: Buffer[] = [];
    const answers = new WholeAnswers((bytes) => sent.push(bytes));
    for (const piece of [headers(1), ...Array.from({ length: 4 }, () => data(1, 16_384))]) answers.push(piece);
    expect(Buffer.concat(sent).length).toBeGreaterThan(49_152);
  });

  test("an answer that waits for its client leaves as far as it came, a few turns later", async () => {
    const sent: Buffer[] = [];
    const answers = new WholeAnswers((bytes) => sent.push(bytes));
    answers.push(headers(1));
    await turn();
    expect(sent).toEqual([]);
    for (let turns = 0; turns < 10; turns++) await turn();
    expect(sent).toEqual([headers(1)]);
    answers.flush();
    expect(sent).toHaveLength(1);
  });
});

test("each of twenty answers leaves in one write: who kills us leaves none half sent", async () => {
  const { socketPath } = await startTestServer();
  const write = vi.spyOn(Socket.prototype, "write");
  onTestFinished(() => write.mockRestore());
  const client = new CSIDriverProviderClient(`unix:${socketPath}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  const request = MountRequest.decode(Buffer.alloc(0));
  const mount = () =>
    new Promise<number>((resolve, reject) =>
      client.mount(request, (error, { files } = { files: [], objectVersion: [], error: undefined }) =>
        error ? reject(error) : resolve(files.length),
      ),
    );

  expect(await Promise.all(Array.from({ length: 20 }, mount))).toEqual(Array.from({ length: 20 }, () => 1));

  const writes = write.mock.calls.map(([bytes]) => answersIn(bytes as Buffer));
  for (const { begun, ended } of writes) expect(ended).toEqual(begun);
  expect(writes.reduce((sum, { ended }) => sum + ended.size, 0)).toBe(20);
});
