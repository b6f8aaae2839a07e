import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  loadPackageDefinition,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceClientConstructor,
} from "@grpc/grpc-js";
import { load } from "@grpc/proto-loader";

interface Outcome {
  pluginRegistered: boolean;
  error: string;
}

/** Tells the kubelet of the driver behind `endpoint`, whenever it asks; resolves with the way to end that. */
export async function registerDriver(kubeletRoot: string, endpoint: string): Promise<() => void> {
  const sockets = join(kubeletRoot, "plugins_registry");
  await mkdir(sockets, { recursive: true });
  const definition = await load(join(import.meta.dirname, "plugin-registration.proto"));
  const { Registration } = loadPackageDefinition(definition)["pluginregistration"] as unknown as {
    Registration: ServiceClientConstructor;
  };
  const info = {
    type: "CSIPlugin",
    name: "secrets-store.csi.k8s.io",
    endpoint,
    supportedVersions: ["1.0.0"],
  };
  const server = new Server();
  server.addService(Registration.service, {
    GetInfo: (_: unknown, answer: sendUnaryData<typeof info>) => answer(null, info),
    NotifyRegistrationStatus: ({ request }: ServerUnaryCall<Outcome, object>, answer: sendUnaryData<object>) => {
      if (!request.pluginRegistered) console.error(`e2e: the kubelet refuses the driver: ${request.error}`);
      answer(null, {});
    },
  });
  const address = `unix://${join(sockets, "secrets-store-reg.sock")}`;
  await promisify(server.bindAsync.bind(server))(address, ServerCredentials.createInsecure());
  return () => server.forceShutdown();
}
