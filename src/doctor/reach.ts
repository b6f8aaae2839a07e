import { connect, type NetConnectOpts } from "node:net";
import { raceAbort } from "../shared/join-signals.js";

/** Connects and lets go again; gives Node's code where that fails, and rejects with the signal's reason. */
export async function faultConnecting(to: NetConnectOpts, signal: AbortSignal): Promise<string | undefined> {
  const socket = connect(to);
  const met = new Promise<string | undefined>((resolve) => {
    socket.on("connect", () => resolve(undefined));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
  });
  return raceAbort(met, signal).finally(() => socket.destroy());
}
