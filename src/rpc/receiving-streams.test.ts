import { EventEmitter } from "node:events";
import { beforeEach, expect, test } from "vitest";
import { ReceivingStreams } from "./receiving-streams.js";

let receiving: ReceivingStreams;
let streams: EventEmitter[];
let begun: number[];

beforeEach(() => {
  receiving = new ReceivingStreams(2);
  begun = [];
  streams = Array.from({ length: 4 }, () => new EventEmitter());
  streams.forEach((stream, n) => receiving.admit(stream, () => begun.push(n)));
});

test("only so many requests are received at once, the next when one is whole", () => {
  expect(begun).toEqual([0, 1]);
  streams[1]!.emit("end");
  expect(begun).toEqual([0, 1, 2]);
  streams[1]!.emit("close"); // Its answer has left: that makes no more room.
  expect(begun).toEqual([0, 1, 2]);
});

test("a stream that closes before it is whole makes room, and none is begun that has closed", () => {
  streams[2]!.emit("close");
  streams[0]!.emit("close");
  expect(begun).toEqual([0, 1, 3]);
});
