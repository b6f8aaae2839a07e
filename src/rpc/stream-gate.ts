import { constants, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type Server, status } from "@grpc/grpc-js";
import type { Clock } from "../shared/clock.js";
import { CSIDriverProviderService } from "../wire/provider.js";
import { ReceivingStreams } from "./receiving-streams.js";

/** Mounts received at once: of the largest size they take 3 MiB. */
const mostReceived = 4;

type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...rest: unknown[]) => void;

/**
 * Lets grpc-js see only calls of the methods served. It answers all others by `stream.respond` without a look at the
 * stream (grpc-js 1.14 server.js, `_verifyContentType` and `_respondWithError`), which throws an uncaught error
 * where the client has reset the stream in the same packet. Throws where grpc-js keeps its HTTP/2 servers elsewhere.
 */
export function gateStreams(grpc: Server, methods: ReadonlySet<string>, clock: Clock): void {
  const receiving = new ReceivingStreams(mostReceived, clock);
  for (const server of http2ServersOf(grpc)) {
    const listeners = server.listeners("stream") as StreamListener[];
    if (listeners.length !== 1) throw new Error("grpc-js has other than one listener for streams");
    server.removeAllListeners("stream");
    server.on("stream", (stream, headers, ...rest: unknown[]) => {
      stream.on("error", () => {}); // Its close follows, and is what counts.
      if (stream.destroyed || stream.closed) return;
      const refusal = refusalOf(headers, methods);
      if (refusal) return stream.respond(refusal, { endStream: true });
      const begin = () => listeners[0]!(stream, headers, ...rest);
      // A Version is a few bytes, and tells whether we are alive.
      if (headers[":path"] === CSIDriverProviderService.mount.path) receiving.admit(stream, begin);
      else begin();
    });
  }
}

/** Not public; grpc-js has no other way to answer for methods it does not know (1.14 server.js). */
function http2ServersOf(grpc: Server): Http2Server[] {
  const { http2Servers } = grpc as unknown as { http2Servers?: unknown };
  const servers = http2Servers instanceof Map ? ([...http2Servers.keys()] as Http2Server[]) : [];
  if (servers.length === 0) throw new Error("grpc-js has no HTTP/2 server where it was looked for");
  return servers;
}

/** The whole answer to what is no call of ours; it repeats nothing of what the client sent. */
function refusalOf(headers: IncomingHttpHeaders, methods: ReadonlySet<string>) {
  if (headers[":method"] !== "POST") return { ":status": constants.HTTP_STATUS_METHOD_NOT_ALLOWED, allow: "POST" };
  if (!headers["content-type"]?.startsWith("application/grpc")) {
    return { ":status": constants.HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE };
  }
  if (methods.has(headers[":path"] as string)) return undefined;
  return {
    ":status": constants.HTTP_STATUS_OK,
    "content-type": "application/grpc+proto",
    "grpc-status": status.UNIMPLEMENTED,
    "grpc-message": `there are ${[...methods].join(" and ")}`,
  };
}
