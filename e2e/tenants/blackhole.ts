import { createServer, type Socket } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

/** A port of the loopback interface that accepts connections and never says a word; or closes them at once. */
export interface Blackhole {
  readonly port: number;
  /** How many connections it has accepted. */
  readonly accepted: () => number;
  /** Closes its connections, and refuses new ones. */
  readonly refuse: () => void;
  readonly stop: () => Promise<void>;
}

export async function openBlackhole(): Promise<Blackhole> {
  const held = new Set<Socket>();
  let swallows = true;
  let accepted = 0;
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy()).on("close", () => held.delete(socket));
    socket.resume();
    if (!swallows) return void socket.destroy();
    accepted += 1;
    held.add(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const drop = () => held.forEach((socket) => socket.destroy());
  return {
    port: (server.address() as AddressInfo).port,
    accepted: () => accepted,
    refuse: () => {
      swallows = false;
      drop();
    },
    stop: async () => {
      drop();
      server.close();
    },
  };
}
