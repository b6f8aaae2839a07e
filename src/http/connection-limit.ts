import type { Server } from "node:http";
import type { Socket } from "node:net";

export interface ConnectionLimits {
  all: number;
  /** From one remote address. */
  each: number;
}

/**
 * Keeps room for the next connection: where there are too many, the oldest of the address that has the most is ended, so
 * that one that holds many cannot keep out one that holds few, such as the kubelet.
 */
export function limitConnections(server: Server, { all, each }: ConnectionLimits): void {
  /** Address → its connections, the oldest first. */
  const byAddress = new Map<string, Set<Socket>>();
  let count = 0;
  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    const siblings = byAddress.get(address) ?? new Set();
    byAddress.set(address, siblings.add(socket));
    count += 1;
    socket.once("close", () => {
      if (!siblings.delete(socket)) return;
      count -= 1;
      if (siblings.size === 0) byAddress.delete(address);
    });
    if (siblings.size > each) endOldest(siblings);
    else if (count > all) endOldest([...byAddress.values()].reduce((most, one) => (one.size > most.size ? one : most)));
  });

  function endOldest(sockets: Set<Socket>): void {
    const [oldest] = sockets;
    oldest!.destroy();
  }
}
