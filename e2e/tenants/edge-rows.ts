import { connect, type Socket } from "node:net";
import { clientPreface, flag, frame } from "../../src/rpc/http2-frames.js";
import type { Misbehaviour, Stop } from "./misbehaviour.js";

/** Clients that reach the socket or the health port. */
export const edgeRows: readonly Misbehaviour[] = [
  {
    name: "HEADERS of an unknown method and RST_STREAM in one packet",
    item: "B",
    seconds: 8,
    disturb: ({ socketPath }) =>
      again((met) => {
        const socket = tolerant(connect(socketPath));
        socket.once("data", met);
        const stream = (id: number) => [frame(1, flag.endHeaders, id, unknownMethod), frame(3, 0, id, cancel)];
        socket.write(Buffer.concat([clientPreface, frame(4, 0, 0, Buffer.alloc(0)), ...[1, 3, 5].flatMap(stream)]));
        setTimeout(() => socket.destroy(), 300);
      }, 100),
  },
  {
    name: "64 connections held to the health port",
    item: "B",
    seconds: 12,
    disturb: ({ health }) => {
      const { hostname, port } = new URL(health);
      let met = 0;
      const held = Array.from({ length: 64 }, () =>
        tolerant(connect(Number(port), hostname)).on("connect", () => (met += 1)),
      );
      return async () => {
        held.forEach((socket) => socket.destroy());
        return met;
      };
    },
  },
  {
    name: "/metrics in a loop, 4 at a time",
    item: "B",
    seconds: 10,
    least: 100,
    disturb: ({ health }) => {
      const { hostname, port } = new URL(health);
      const ask = "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n";
      const held = new Set<Socket>();
      let [met, ended] = [0, false];
      const lane = () => {
        const socket = tolerant(connect(Number(port), hostname));
        held.add(socket);
        // An answer begins: the next question is on its way before it ends.
        socket.on("data", (piece) => {
          if (!String(piece).includes("HTTP/1.1 ")) return;
          met += 1;
          socket.write(ask);
        });
        // Who asks too often is answered late, and the connection ended.
        socket.once("close", () => {
          held.delete(socket);
          if (!ended) lane();
        });
        socket.write(ask);
      };
      for (let n = 0; n < 4; n += 1) lane();
      return async () => {
        ended = true;
        held.forEach((socket) => socket.destroy());
        return met;
      };
    },
  },
];

/** `:method POST`, `:scheme http`, `:path /x.Y/Z` and `:authority a`, without an index and without Huffman's code. */
const unknownMethod = Buffer.concat([
  Buffer.from([0x83, 0x86]),
  literal(4, "/x.Y/Z"),
  literal(1, "a"),
  named("content-type", "application/grpc"),
  named("te", "trailers"),
]);

const cancel = Buffer.from([0, 0, 0, 8]);

/** RFC 7541, 6.2.2: a value for a name of the static table. */
function literal(index: number, value: string): Buffer {
  return Buffer.concat([Buffer.from([index, value.length]), Buffer.from(value)]);
}

function named(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

function tolerant(socket: Socket): Socket {
  return socket.on("error", () => socket.destroy());
}

function again(act: (met: () => void) => void, everyMs: number): Stop {
  let met = 0;
  const turn = () => act(() => (met += 1));
  turn();
  const timer = setInterval(turn, everyMs);
  return async () => {
    clearInterval(timer);
    return met;
  };
}
