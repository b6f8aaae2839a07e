import { type IncomingMessage, request } from "node:http";
import { dirname, join } from "node:path";
import { ProviderError } from "../shared/errors.js";
import type { TokenSource } from "./pod-token.js";

/** Beside the provider's socket: `keymount mount` finds it without being told. */
export const devTokenSocket = (providerSocket: string) => join(dirname(providerSocket), "dev-tokens.sock");

const mostBytes = 16 << 10;

/** Asks the `keymount dev` beside the provider's socket; `undefined` where there is none. */
export const devTokens: TokenSource = (asked, signal) =>
  new Promise((resolve, reject) => {
    // No kept connection: a keymount dev that was started anew has another socket.
    const options = {
      socketPath: devTokenSocket(asked.socketPath),
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
    asking.end(JSON.stringify({ pod: asked.pod, audience: asked.audience }));
  });

export async function readText(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new ProviderError("limit_exceeded", "the message is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
