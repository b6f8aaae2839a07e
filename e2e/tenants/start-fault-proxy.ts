import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Fault, StandingFaults } from "./fault.js";

export interface FaultProxy {
  /** Where Vault is reached through it. */
  readonly address: string;
  /** Answers the requests of that namespace's pods so from here on, and no others. Gives how many met the faults before. */
  readonly plan: (namespace: string, faults: readonly Fault[]) => Promise<number>;
  readonly stop: () => Promise<void>;
}

/** A reverse proxy before a Vault, in a process of its own, whose work slows neither the tests nor the load. */
export async function startFaultProxy(vaultAddress: string): Promise<FaultProxy> {
  const child = fork("scripts/run-ts.js", ["e2e/tenants/fault-proxy.ts", vaultAddress], {
    env: { PATH: process.env["PATH"] },
    execArgv: [],
  });
  const ended = once(child, "exit");
  const [{ address }] = (await once(child, "message")) as [{ address: string }];
  let id = 0;
  return {
    address,
    plan: (namespace, faults) => told(child, (id += 1), { namespace, faults }),
    stop: async () => {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

/** Resolves when the proxy says that it has taken it, with how many requests met what stood before. */
function told(child: ChildProcess, id: number, standing: StandingFaults): Promise<number> {
  return new Promise((resolve) => {
    const listen = (message: { id: number; met: number }) => {
      if (message.id !== id) return;
      child.off("message", listen);
      resolve(message.met);
    };
    child.on("message", listen);
    child.send({ id, standing });
  });
}
