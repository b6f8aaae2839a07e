import { connect, type NetConnectOpts } from "node:net";
import { raceAbort } from "./join-signals.js";

/** Connects and disconnects. Returns the error of a failed attempt; rejects with the signal's reason when it aborts. */
export async function connectError(
  to: NetConnectOpts,
  signal?: AbortSignal,
): Promise<NodeJS.ErrnoException | undefined> {
  const socket = connect(to);
  const outcome = new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    socket.on("connect", () => resolve(undefined));
    socket.on("error", resolve);
  });
  return (signal ? raceAbort(outcome, signal) : outcome).finally(() => socket.destroy());
}

/** Whether the error of a unix socket means that it has no listener. A full backlog (`EAGAIN`) belongs to a living one. */
export function hasNoListener(error: NodeJS.ErrnoException | undefined): boolean {
  return error?.code === "ECONNREFUSED" || error?.code === "ENOENT";
}
