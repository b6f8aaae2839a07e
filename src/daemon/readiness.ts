import type { RpcServer } from "../rpc/server.js";

/**
 * Why no pod should count on us, a line each: our own socket does not answer, or the configuration of every connection is at
 * fault. Where one of several is, the pods of the others are served. A sealed or failing Vault is no reason: pods are served
 * what is held, and a restart would only lose it.
 */
export async function unreadinessOf({
  rpc,
  client,
  connections,
  callVersion,
}: {
  rpc: Pick<RpcServer, "state">;
  client: { faults(): ReadonlyMap<string, string> };
  /** How many there are. */
  connections: number;
  callVersion: () => Promise<unknown>;
}): Promise<string[]> {
  const found = client.faults();
  const faults =
    found.size < connections ? [] : [...found].map(([connection, fault]) => `connection ${connection}: ${fault}`);
  if (rpc.state === "starting") return ["starting", ...faults];
  if (rpc.state !== "listening") return [`socket: ${rpc.state}`, ...faults];
  const answered = await callVersion().then(
    () => true,
    () => false,
  );
  return answered ? faults : ["socket: does not answer Version", ...faults];
}
