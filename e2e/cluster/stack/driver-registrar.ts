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

/**
 * Tells the kubelet of the driver behind `endpoint`, whenever it asks; resolves with the way to end that. A kubelet that
 * could not reach the driver asks again only when the socket is a new one: so node-driver-registrar ends, and restarts.
 */
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
  const address = `unix://${join(sockets, "secrets-store-reg.sock")}`;
  let server: Server | undefined;
  let restart: NodeJS.Timeout | undefined;
  const begin = async () => {
    server?.forceShutdown();
    server = new Server();
    server.addService(Registration.service, {
      GetInfo: (_: unknown, answer: sendUnaryData<typeof info>) => answer(null, info),
      NotifyRegistrationStatus: ({ request }: ServerUnaryCall<Outcome, object>, answer: sendUnaryData<object>) => {
        if (!request.pluginRegistered) restart = setTimeout(() => void begin(), 1_000);
        answer(null, {});
      },
    });
    await promisify(server.bindAsync.bind(server))(address, ServerCredentials.createInsecure());
  };
  await begin();
  return () => {
    clearTimeout(restart);
    server?.forceShutdown();
  };
}
