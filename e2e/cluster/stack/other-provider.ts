import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import {
  CSIDriverProviderService,
  type CSIDriverProviderServer,
  type MountRequest,
  type MountResponse,
} from "../../../src/wire/provider.js";

/** A provider of another kind, which answers each Mount by `mount`; resolves with the way to end it. */
export async function startOtherProvider(
  sockets: string,
  name: string,
  mount: (request: MountRequest) => MountResponse | Error,
): Promise<() => Promise<void>> {
  const path = join(sockets, `${name}.sock`);
  const server = new Server();
  const service: CSIDriverProviderServer = {
    version: (_call, answer) => answer(null, { version: "v1alpha1", runtimeName: name, runtimeVersion: "1" }),
    mount: ({ request }, answer) => {
      const outcome = mount(request);
      if (outcome instanceof Error) answer(outcome);
      else answer(null, outcome);
    },
  };
  server.addService(CSIDriverProviderService, service);
  await promisify(server.bindAsync.bind(server))(`unix://${path}`, ServerCredentials.createInsecure());
  return async () => {
    server.forceShutdown();
    await rm(path, { force: true });
  };
}
