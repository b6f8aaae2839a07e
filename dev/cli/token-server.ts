import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { dirname } from "node:path";
import { devTokenSocket, readText } from "../../src/cli/dev-tokens.js";
import type { TokenRequest } from "../../src/cli/pod-token.js";
import type { MountingPod } from "../../src/driver/mount-request.js";
import { connectError } from "../../src/shared/connect-error.js";
import { ProviderError } from "../../src/shared/errors.js";

/** Mints a pod's token as the kubelet's API server would. */
export type Mint = (pod: MountingPod, audience: string) => string;

/** Issues tokens of any pod to any process that may open the socket. For `keymount dev` only. */
export async function serveDevTokens(providerSocket: string, mint: Mint): Promise<{ stop: () => Promise<void> }> {
  const server = createServer((asked, answer) => {
    readTokenRequest(asked).then(
      ({ pod, audience }) => answer.end(mint(pod, audience)),
      () => answer.writeHead(400).end(),
    );
  });
  await listen(server, devTokenSocket(providerSocket));
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
  if (!(await connectError({ path }))) {
    throw new ProviderError("invalid_request", `another keymount dev runs in ${dirname(path)}; choose another --dir`);
  }
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
}

async function readTokenRequest(message: IncomingMessage): Promise<TokenRequest> {
  return JSON.parse(await readText(message)) as TokenRequest;
}
