import { type IncomingMessage, request } from "node:http";
import { dirname, join } from "node:path";
import { BoundedBytes } from "../shared/bounded-bytes.js";
import { ProviderError } from "../shared/errors.js";
import type { TokenSource } from "./pod-token.js";

/** Beside the provider's socket: `keymount mount` finds it without being told. */
export const devTokenSocket = (providerSocket: string) => join(dirname(providerSocket), "dev-tokens.sock");

const mostBytes = 16 << 10;

/** Asks the `keymount dev` beside the provider's socket; `undefined` where there is none. Throws `unavailable`. */
export const devTokens: TokenSource = (wanted, signal) =>
  new Promise((resolve, reject) => {
    // No kept connection: a restarted keymount dev has another socket.
    const options = {
      socketPath: devTokenSocket(wanted.socketPath),
      method: "POST",
      path: "/",
      agent: false as const,
      signal,
    };
    const asking = request(options, (answer) => {
      readText(answer).then(
        (text) => resolve(answer.statusCode === 200 ? text : undefined),
        (error: unknown) => reject(failed(options.socketPath, error, signal)),
      );
    });
    asking.on("error", (error: NodeJS.ErrnoException) =>
      isAbsent(error) ? resolve(undefined) : reject(failed(options.socketPath, error, signal)),
    );
    asking.end(JSON.stringify({ pod: wanted.pod, audience: wanted.audience }));
  });

/** No socket, one whose keymount dev was killed, or a path that is none. */
const isAbsent = ({ code }: NodeJS.ErrnoException) =>
  code === "ENOENT" || code === "ENOTDIR" || code === "ECONNREFUSED";

function failed(socketPath: string, cause: unknown, signal: AbortSignal): Error {
  if (signal.aborted) return signal.reason as Error;
  if (cause instanceof ProviderError) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
  return new ProviderError("unavailable", `${socketPath}: keymount dev gives no token (${code})`, { cause });
}

/** A message of a few KiB. Throws `limit_exceeded`. */
export async function readText(message: IncomingMessage): Promise<string> {
  const bytes = new BoundedBytes(mostBytes);
  for await (const chunk of message as AsyncIterable<Buffer>) {
    if (bytes.add(chunk) !== undefined) throw new ProviderError("limit_exceeded", "the message is too long");
  }
  return bytes.take().toString();
}
