import { PassThrough } from "node:stream";
import { beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { ReceivingStreams } from "./receiving-streams.js";

type Stream = PassThrough & { close: () => void };

let clock: FakeClock;
let streams: Stream[];
let closed: number[];
let begun: number[];

beforeEach(() => {
  clock = new FakeClock();
  const receiving = new ReceivingStreams(2, clock);
  begun = [];
  closed = [];
  streams = Array.from({ length: 4 }, (_, n) => Object.assign(new PassThrough(), { close: () => closed.push(n) }));
  streams.forEach((stream, n) => receiving.admit(stream, () => begun.push(n)));
});

/** Begins happen a turn after their reason. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

test.each(["end", "finish", "close"])(
  "only two requests are received at once, the next on the %s of one",
  async (event) => {
    expect(begun).toEqual([0, 1]);
    streams[1]!.emit(event);
    await turn();
    expect(begun).toEqual([0, 1, 2]);
    for (const other of ["end", "finish", "close"]) streams[1]!.emit(other); // That makes no more room.
    await turn();
    expect(begun).toEqual([0, 1, 2]);
  },
);

test("none is begun that has closed, or that is destroyed and closes in a moment", async () => {
  streams[2]!.emit("close");
  streams[3]!.destroy();
  streams[0]!.emit("close");
  await turn();
  expect(begun).toEqual([0, 1]);
});

test("requests that never end block others for at most a second", async () => {
  await clock.advance(999);
  expect(begun).toEqual([0, 1]);
  await clock.advance(1);
  await turn();
  expect(begun).toEqual([0, 1, 2, 3]);
});

describe("of those that wait", () => {
  const message = (length: number, compressed = 0) => {
    const prefix = Buffer.alloc(5, compressed);
    prefix.writeUInt32BE(length, 1);
    return prefix;
  };

  test.each<[string, Buffer, boolean]>([
    ["an empty message", message(0), true],
    ["a message of 16 KiB, of which only its length is there", message(16_384), true],
    ["a message of more", message(16_385), false],
    ["a message of 4 GiB", message(2 ** 32 - 1), false],
    ["a compressed message of 10 bytes", message(10, 1), false],
    ["less than a length", message(10).subarray(0, 4), false],
  ])("%s", async (_name, bytes, beginsAtOnce) => {
    streams[3]!.write(bytes);
    await turn();
    expect(begun).toEqual(beginsAtOnce ? [0, 1, 3] : [0, 1]);

    // Neither takes the place of another nor begins twice, and all of it is there to read.
    streams[0]!.emit("end");
    streams[1]!.emit("end");
    await turn();
    expect(begun).toEqual(beginsAtOnce ? [0, 1, 3, 2] : [0, 1, 2, 3]);
    const received: Buffer[] = [];
    streams[3]!.on("data", (chunk: Buffer) => received.push(chunk));
    streams[3]!.end("rest");
    await turn();
    expect(Buffer.concat(received)).toEqual(Buffer.concat([bytes, Buffer.from("rest")]));
  });

  test("one that ends without a message is closed", async () => {
    streams[2]!.end();
    await turn();
    expect(closed).toEqual([2]);
    streams[0]!.emit("end");
    await turn();
    expect(begun).toEqual([0, 1, 3]);
  });
});
