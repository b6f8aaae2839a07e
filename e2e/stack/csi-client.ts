import { type Client, credentials, loadPackageDefinition, type ServiceError, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** The driver's refusal: the text that the pod's FailedMount event shows, and the code by which the kubelet goes on. */
export class MountFailed extends Error {
  constructor(
    readonly code: status,
    message: string,
  ) {
    super(message);
  }

  /** Whether the kubelet cleans up and starts over. */
  get final(): boolean {
    return !uncertain.has(this.code);
  }
}

/** After these codes the kubelet does not know what happened, and keeps the target directory. csi_client.go isFinalError. */
const uncertain = new Set([
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.UNAVAILABLE,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
]);

/** The kubelet's timeout of one call. csi_plugin.go csiTimeout. */
const timeoutMs = 120_000;

const reconnectSoon = { "grpc.initial_reconnect_backoff_ms": 50, "grpc.max_reconnect_backoff_ms": 200 };

export type NodeMethod = "nodePublishVolume" | "nodeUnpublishVolume" | "nodeGetInfo";

type NodeClient = Client &
  Record<
    NodeMethod,
    (request: object, options: { deadline: number }, done: (error: ServiceError | null) => void) => void
  >;

/** A client of the driver's csi.v1.Node service. */
export class CsiClient {
  readonly #client: NodeClient;

  constructor(protoFile: string, socket: string) {
    const { csi } = loadPackageDefinition(loadSync(protoFile, { keepCase: true })) as unknown as {
      csi: { v1: { Node: new (target: string, security: object, options: object) => NodeClient } };
    };
    this.#client = new csi.v1.Node(`unix://${socket}`, credentials.createInsecure(), reconnectSoon);
  }

  /** One call; throws `MountFailed` with the driver's code and text. */
  async call(method: NodeMethod, request: object): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#client[method](request, { deadline: Date.now() + timeoutMs }, (error) => {
        if (error) reject(new MountFailed(error.code, error.details));
        else resolve();
      });
    });
  }

  close(): void {
    this.#client.close();
  }
}
