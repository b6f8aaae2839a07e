/**
 * A TLS server that reloads its certificate when its files change, and never else.
 *
 *   node tls-server.mjs FOLDER
 */
import { readFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer } from "node:tls";

const folder = process.argv[2] ?? "";

/** What is there changes in one step: the link is followed once, for all files. */
async function identity(data: string) {
  const [cert = "", key = "", chain = ""] = await Promise.all(
    ["tls.crt", "tls.key", "chain.pem"].map((file) => readFile(join(data, file), "utf8")),
  );
  return { cert: `${cert}\n${chain}`, key };
}

let shown = await realpath(join(folder, "..data"));
const server = createServer(await identity(shown), (socket) => socket.on("error", () => undefined).end("hello"));
server.on("tlsClientError", () => undefined).listen(8443);
for (;;) {
  await sleep(500);
  const data = await realpath(join(folder, "..data"));
  if (data === shown) continue;
  server.setSecureContext(await identity(data));
  shown = data;
}
