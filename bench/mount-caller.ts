import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { connect } from "node:net";
import { type File, MountRequest, MountResponse } from "../src/wire/provider.js";

const path = "/v1alpha1.CSIDriverProvider/Mount";
const prefixLength = 5;
/** More than all answers that are under way: nothing waits for the caller. */
const windowBytes = 16 << 20;

/**
 * Calls Mount over one connection, and takes as little of the machine as it can, for what a provider reaches here is what
 * its callers and Vault leave of two cores: no deadlines, retries or interceptors, as a client of grpc-js has them.
 */
export class MountCaller {
  readonly #session: ClientHttp2Session;

  constructor(socketPath: string) {
    this.#session = connectHttp2("http://localhost", {
      createConnection: () => connect(socketPath),
      settings: { enablePush: false, initialWindowSize: windowBytes },
    });
    this.#session.once("connect", () => this.#session.setLocalWindowSize(windowBytes));
    // Each open call hears of it, too.
    this.#session.on("error", () => {});
  }

  /** The files of the answer to what `encodeCall` made. Rejects with the code and message of a refusal. */
  mount(call: Buffer): Promise<File[]> {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
      });
      const chunks: Buffer[] = [];
      let status = { code: "none", message: "the connection was closed" };
      // A refusal may be told by the headers of the answer; then there are no trailers.
      const told = ({ "grpc-status": code, "grpc-message": message = "" }: IncomingHttpHeaders) => {
        if (typeof code === "string") status = { code, message: message as string };
      };
      stream.on("response", told);
      stream.on("trailers", told);
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("close", () => {
        const { code, message } = status;
        if (code === "0") resolve(MountResponse.decode(Buffer.concat(chunks).subarray(prefixLength)).files);
        else reject(new Error(`a Mount failed: ${code} ${decodeURIComponent(message)}`));
      });
      stream.end(call);
    });
  }

  close(): void {
    this.#session.destroy();
  }
}

/** As one message of gRPC, uncompressed (PROTOCOL-HTTP2.md, "Length-Prefixed-Message"). */
export function encodeCall(request: MountRequest): Buffer {
  const message = MountRequest.encode(request).finish();
  const call = Buffer.alloc(prefixLength + message.length);
  call.writeUInt32BE(message.length, 1);
  call.set(message, prefixLength);
  return call;
}
