import { type ClientUnaryCall, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import {
  CSIDriverProviderClient,
  type File,
  type MountRequest,
  type MountResponse,
  type VersionResponse,
} from "../wire/provider.js";
import { type StaleObject, staleObjects } from "../wire/stale-trailer.js";

export type { StaleObject };

/** What a Mount came to. `code` is gRPC's name for it; a provider that breaks the contract is `UNKNOWN`, as to a kubelet. */
export type MountOutcome =
  | { ok: true; files: readonly File[]; versions: ReadonlyMap<string, string>; stale: readonly StaleObject[] }
  | { ok: false; code: string; message: string };

export interface DriverClientOptions {
  /** Of one call with its retries; a kubelet allows two minutes (csi_plugin.go csiTimeout). */
  timeoutMs?: number;
}

/** driver 1.6.0 provider_client.go ServiceConfig: calls wait for the socket, and UNAVAILABLE is tried three times. */
const serviceConfig = JSON.stringify({
  methodConfig: [
    {
      name: [{ service: "v1alpha1.CSIDriverProvider" }],
      waitForReady: true,
      retryPolicy: {
        maxAttempts: 3,
        initialBackoff: "1s",
        maxBackoff: "10s",
        backoffMultiplier: 1.1,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
  ],
});

/** The CSI driver's end of a provider's socket, as driver 1.6.0 holds it. The owner calls `close`. */
export class DriverClient {
  readonly #client: CSIDriverProviderClient;
  readonly #timeoutMs: number;

  constructor(socketPath: string, { timeoutMs = 120_000 }: DriverClientOptions = {}) {
    this.#timeoutMs = timeoutMs;
    this.#client = new CSIDriverProviderClient(`unix:${socketPath}`, credentials.createInsecure(), {
      "grpc.default_authority": "localhost",
      "grpc.max_receive_message_length": 4 << 20,
      "grpc.service_config": serviceConfig,
      "grpc.enable_http_proxy": 0,
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  /** Asks and checks the answer as the driver does (provider_client.go MountContent), short of writing the files. */
  async mount(request: MountRequest, signal: AbortSignal): Promise<MountOutcome> {
    try {
      let stale: readonly StaleObject[] = [];
      const response = await unary<MountResponse>(signal, (answered) => {
        const options = { deadline: Date.now() + this.#timeoutMs };
        const call = this.#client.mount(request, new Metadata(), options, answered);
        call.on("status", ({ metadata }) => (stale = staleObjects(metadata)));
        return call;
      });
      return outcomeOf(response, stale);
    } catch (error) {
      if (!isServiceError(error)) throw error;
      return { ok: false, code: status[error.code], message: error.details };
    }
  }

  /** The driver's health check. Rejects with gRPC's error. */
  version(signal: AbortSignal): Promise<VersionResponse> {
    const options = { deadline: Date.now() + Math.min(this.#timeoutMs, 5_000) };
    return unary<VersionResponse>(signal, (answered) =>
      this.#client.version({ version: "v1alpha1" }, new Metadata(), options, answered),
    );
  }

  close(): void {
    this.#client.close();
  }
}

function outcomeOf({ error, objectVersion, files }: MountResponse, stale: readonly StaleObject[]): MountOutcome {
  if (error?.code) {
    const message = `mount request failed with provider error code ${error.code}`;
    return { ok: false, code: status[status.UNKNOWN], message };
  }
  if (objectVersion.length === 0) {
    return { ok: false, code: status[status.UNKNOWN], message: "missing object versions" };
  }
  return { ok: true, files, versions: new Map(objectVersion.map(({ id, version }) => [id, version])), stale };
}

/** Rejects with the signal's reason once it aborts; the call is then cancelled. */
function unary<T>(
  signal: AbortSignal,
  start: (answered: (error: ServiceError | null, response: T) => void) => ClientUnaryCall,
): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason as Error);
  return new Promise<T>((resolve, reject) => {
    const call = start((error, response) => {
      signal.removeEventListener("abort", abort);
      if (signal.aborted) reject(signal.reason as Error);
      else if (error) reject(error);
      else resolve(response);
    });
    const abort = () => call.cancel();
    signal.addEventListener("abort", abort, { once: true });
  });
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && typeof (error as Partial<ServiceError>).code === "number" && "details" in error;
}
