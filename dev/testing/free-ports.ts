import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

/**
 * Ports of the loopback interface without a listener. All are held at once and released together. If another process takes one
 * in between, the program that wanted it fails at its start, with "address already in use" in its log.
 */
export async function freePorts<const Names extends readonly string[]>(
  ...names: Names
): Promise<Record<Names[number], number>> {
  const held = await Promise.all(
    names.map(async (name) => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return { name, server, port: (server.address() as AddressInfo).port };
    }),
  );
  await Promise.all(held.map(({ server }) => new Promise((closed) => server.close(closed))));
  return Object.fromEntries(held.map(({ name, port }) => [name, port])) as Record<Names[number], number>;
}
