import { once } from "node:events";
import { rename } from "node:fs/promises";
import { createServer } from "node:net";

/** A socket file without a listener: closing the listener removes only the name it was bound to, and the file was renamed. */
export async function leaveDeadSocket(path: string): Promise<void> {
  const listener = createServer().listen(`${path}.new`);
  await once(listener, "listening");
  await rename(`${path}.new`, path);
  listener.close();
  await once(listener, "close");
}
