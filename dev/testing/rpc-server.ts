import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type ProviderService, versionResponse } from "../../src/rpc/provider-service.js";
import { type RpcServer, type RpcServerOptions, createRpcServer } from "../../src/rpc/server.js";
import { systemClock } from "../../src/shared/clock.js";
import type { MountRequest, MountResponse } from "../../src/wire/provider.js";

/** A directory that goes with the test. */
export async function temporaryDirectory(atTheEnd = onTestFinished): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "km-"));
  atTheEnd(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A service's Mount that answers so, and has nothing to say of its calls. */
export function mountWith(
  answer: (request: MountRequest, signal: AbortSignal) => Promise<MountResponse>,
): ProviderService["mount"] {
  return (request, signal) => ({ response: answer(request, signal), summary: () => ({}) });
}

/** A provider on a real socket that answers every Mount with one file; it stops with the test. */
export async function startTestServer(
  options: Partial<RpcServerOptions> = {},
): Promise<RpcServer & { socketPath: string }> {
  const socketPaths = options.socketPaths ?? ([join(await temporaryDirectory(), "vault.sock")] as const);
  const server = createRpcServer({
    clock: systemClock,
    random: Math.random,
    graceMs: 100,
    service: {
      version: () => versionResponse("1.2.3"),
      mount: mountWith(async () => ({
        objectVersion: [{ id: "app", version: "1" }],
        error: undefined,
        files: [{ path: "app", mode: 0o644, contents: Buffer.from("secret") }],
      })),
    },
    emit: () => {},
    ...options,
    socketPaths,
  });
  await server.listen(new AbortController().signal);
  onTestFinished(() => server.stop());
  return {
    socketPath: socketPaths[0],
    get state() {
      return server.state;
    },
    listen: (signal) => server.listen(signal),
    stop: () => server.stop(),
  };
}
