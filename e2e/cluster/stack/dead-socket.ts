import { once } from "node:events";
import { rename } from "node:fs/promises";
import { createServer } from "node:net";

/** A socket file that nobody listens on: closing the listener removes the name it was bound to, which is another by then. */
export async function leaveDeadSocket(path: string): Promise<void> {
  const listener = createServer().listen(`${path}.new`);
  await once(listener, "listening");
  await rename(`${path}.new`, path);
  listener.close();
  await once(listener, "close");
}
