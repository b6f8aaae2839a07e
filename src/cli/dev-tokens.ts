import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import type { MountingPod } from "../driver/mount-request.js";
import { ProviderError } from "../shared/errors.js";
import type { TokenSource, TokenWish } from "./pod-token.js";

/** Mints a pod's token as the kubelet's API server would. */
export type Mint = (pod: MountingPod, audience: string) => string;

/** Beside the provider's socket: `keymount mount` finds it without being told. */
const tokenSocket = (providerSocket: string) => join(dirname(providerSocket), "dev-tokens.sock");

const mostBytes = 16 << 10;

/** Gives tokens of any pod to whoever may open the socket: for `keymount dev` only. */
export async function serveDevTokens(providerSocket: string, mint: Mint): Promise<{ stop: () => Promise<void> }> {
  const server = createServer((asked, answer) => {
    readJson(asked).then(
      (wish) => answer.end(mint((wish as TokenWish).pod, (wish as TokenWish).audience)),
      () => answer.writeHead(400).end(),
    );
  });
  await listen(server, tokenSocket(providerSocket));
  return {
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Over the socket of one that was killed, too. Throws `invalid_request` while another listens there. */
async function listen(server: Server, path: string): Promise<void> {
  if (await answers(path)) {
    throw new ProviderError("invalid_request", `another keymount dev runs in ${dirname(path)}; choose another --dir`);
  }
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => resolve(true));
    socket.on("connect", () => socket.destroy()).on("error", () => resolve(false));
  });
}

/** Asks the `keymount dev` beside the provider's socket; `undefined` where there is none. */
export const devTokens: TokenSource = (wish, signal) =>
  new Promise((resolve, reject) => {
    // No kept connection: a keymount dev that was started anew has another socket.
    const options = {
      socketPath: tokenSocket(wish.socketPath),
      method: "POST",
      path: "/",
      agent: false as const,
      signal,
    };
    const asking = request(options, (answer) => {
      readText(answer).then((text) => resolve(answer.statusCode === 200 ? text : undefined), reject);
    });
    asking.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "ENOENT" || error.code === "ECONNREFUSED" ? resolve(undefined) : reject(error),
    );
    asking.end(JSON.stringify({ pod: wish.pod, audience: wish.audience }));
  });

async function readJson(message: IncomingMessage): Promise<unknown> {
  return JSON.parse(await readText(message));
}

async function readText(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new ProviderError("limit_exceeded", "the message is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
