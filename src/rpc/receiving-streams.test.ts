import { EventEmitter } from "node:events";
import { beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { ReceivingStreams } from "./receiving-streams.js";

class Stream extends EventEmitter {
  destroyed = false;
}

let clock: FakeClock;
let streams: Stream[];
let begun: number[];

beforeEach(() => {
  clock = new FakeClock();
  const receiving = new ReceivingStreams(2, clock);
  begun = [];
  streams = Array.from({ length: 4 }, () => new Stream());
  streams.forEach((stream, n) => receiving.admit(stream, () => begun.push(n)));
});

test.each(["end", "finish", "close"])("only two requests are received at once, the next on the %s of one", (event) => {
  expect(begun).toEqual([0, 1]);
  streams[1]!.emit(event);
  expect(begun).toEqual([0, 1, 2]);
  for (const other of ["end", "finish", "close"]) streams[1]!.emit(other); // That makes no more room.
  expect(begun).toEqual([0, 1, 2]);
});

test("none is begun that has closed, or that is destroyed and closes in a moment", () => {
  streams[2]!.emit("close");
  streams[3]!.destroyed = true;
  streams[0]!.emit("close");
  expect(begun).toEqual([0, 1]);
});

test("requests that never end block others for at most a second", async () => {
  await clock.advance(999);
  expect(begun).toEqual([0, 1]);
  await clock.advance(1);
  expect(begun).toEqual([0, 1, 2, 3]);
});
