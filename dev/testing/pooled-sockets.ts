import { onTestFinished } from "vitest";
import { SocketPool } from "../../src/vault/socket-pool.js";
import { FakeClock } from "./fake-clock.js";
import type { TestServer } from "./http-server.js";

/** A server that ends with the test. */
export async function started(server: Promise<TestServer>): Promise<TestServer> {
  const running = await server;
  onTestFinished(() => running.close());
  return running;
}

/** A pool that ends with the test, with these TLS options. */
export function poolTo(origin: string, options: object = {}, clock = new FakeClock()): SocketPool {
  const pool = new SocketPool(origin, { digest: "", options: { rejectUnauthorized: true, ...options } }, clock);
  onTestFinished(() => pool.close());
  return pool;
}
