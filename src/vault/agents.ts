import http from "node:http";
import https from "node:https";
import type { TlsMaterial } from "./tls-files.js";

/** Closed by us well before Vault (5 min) or a balancer (often 60 s) would, so that no request meets a closing socket. */
const idleMs = 30_000;

/** The kept-alive sockets of one connection: an agent for each address, all with the same TLS material. */
export class Agents {
  readonly #maxSockets: number;
  readonly #agents = new Map<string, http.Agent>();
  #digest = "";

  /** `maxSockets` bounds the sockets to one address. */
  constructor(maxSockets: number) {
    this.#maxSockets = maxSockets;
  }

  /** The agent for an address; other material than before starts new sockets and lets the old ones finish. */
  to(origin: string, material: TlsMaterial): http.Agent {
    if (material.digest !== this.#digest) this.#drain();
    this.#digest = material.digest;
    const known = this.#agents.get(origin);
    if (known) return known;
    const agent = this.#create(origin, material);
    this.#agents.set(origin, agent);
    return agent;
  }

  /** Ends every socket, in use or not. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #create(origin: string, { options }: TlsMaterial): http.Agent {
    const pool = { keepAlive: true, maxSockets: this.#maxSockets, maxFreeSockets: this.#maxSockets, timeout: idleMs };
    return origin.startsWith("https:") ? new https.Agent({ ...pool, ...options }) : new http.Agent(pool);
  }

  #drain(): void {
    for (const agent of this.#agents.values()) {
      agent.maxFreeSockets = 0;
      endIdle(agent);
    }
    this.#agents.clear();
  }
}

/** When one kept-alive socket turns out closed by the other end, its idle siblings are, too. */
export function endIdle(agent: http.Agent): void {
  for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
}
