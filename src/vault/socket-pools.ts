import type { Clock } from "../shared/clock.js";
import { SocketPool } from "./socket-pool.js";
import type { TlsMaterial } from "./tls-files.js";

/** The kept-alive sockets of one connection: a pool for each address, all with the same TLS material. */
export class SocketPools {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #pools = new Map<string, SocketPool>();
  /** Of earlier material, with sockets that were still in use when it changed. */
  #retired: SocketPool[] = [];
  #digest = "";

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** The pool for an address; other material than before starts new sockets and lets the old ones finish. */
  to(origin: string, material: TlsMaterial): SocketPool {
    if (material.digest !== this.#digest) this.#retire();
    this.#digest = material.digest;
    const known = this.#pools.get(origin);
    if (known) return known;
    const pool = new SocketPool(origin, material, this.#clock);
    this.#pools.set(origin, pool);
    return pool;
  }

  /** Ends what is idle of an address: the next request opens a new one. */
  endIdle(origin: string): void {
    this.#pools.get(origin)?.endIdle();
  }

  /** Ends every socket, in use or not. */
  close(): void {
    for (const pool of [...this.#pools.values(), ...this.#retired]) pool.close();
    this.#pools.clear();
    this.#retired = [];
  }

  #retire(): void {
    for (const pool of this.#pools.values()) pool.retire();
    this.#retired = [...this.#retired, ...this.#pools.values()].filter(({ inUse }) => inUse);
    this.#pools.clear();
  }
}
