import { rename } from "node:fs/promises";
import { promisify } from "node:util";
import {
  Client,
  credentials,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
} from "@grpc/grpc-js";
import type { status } from "@grpc/grpc-js";

export interface CsiInterposer {
  /** From now on, each publish ends with that code and does not reach the driver; without, it does. */
  readonly fail: (code?: status) => void;
  /** When a publish failed so, milliseconds of `performance.now()`. */
  readonly failures: readonly number[];
  readonly stop: () => Promise<void>;
}

/** What a kubelet calls of a driver that stages nothing. csi.proto, service Node. */
const methods = [
  "NodeGetInfo",
  "NodeGetCapabilities",
  "NodeGetVolumeStats",
  "NodePublishVolume",
  "NodeUnpublishVolume",
];
const asIs = (bytes: Buffer) => bytes;

/**
 * Takes the driver's place at its socket, and passes the kubelet's calls on: a driver that tells the kubelet of failed
 * republishes, as those of today do not. The kubelet connects for each call anew (csi_client.go, newGrpcConn).
 */
export async function interposeBefore(socket: string): Promise<CsiInterposer> {
  const behind = `${socket}.driver`;
  let failing: status | undefined;
  const failures: number[] = [];
  await rename(socket, behind);
  const driver = new Client(`unix://${behind}`, credentials.createInsecure());
  const server = new Server();
  for (const method of methods) {
    const path = `/csi.v1.Node/${method}`;
    const relay = ({ request }: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      if (method === "NodePublishVolume" && failing !== undefined) {
        failures.push(performance.now());
        return answer({ code: failing, details: "failed by the test" });
      }
      driver.makeUnaryRequest(path, asIs, asIs, request, answer);
    };
    server.register(path, relay, asIs, asIs, "unary");
  }
  await promisify(server.bindAsync.bind(server))(`unix://${socket}`, ServerCredentials.createInsecure());
  return {
    fail: (code) => (failing = code),
    failures,
    async stop() {
      server.forceShutdown();
      driver.close();
      await rename(behind, socket);
    },
  };
}
