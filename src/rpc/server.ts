import type { Socket } from "node:net";
import { promisify } from "node:util";
import { Server, ServerCredentials, logVerbosity, setLogVerbosity } from "@grpc/grpc-js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import { within } from "../shared/within.js";
import { CSIDriverProviderService } from "../wire/provider.js";
import { AuthorityShim } from "./authority-shim.js";
import { finalCodes } from "./final-codes.js";
import { OpenCalls } from "./open-calls.js";
import { type ProviderService, providerHandlers } from "./provider-service.js";
import { gateStreams } from "./stream-gate.js";
import type { RpcEvent } from "./rpc-event.js";
import { SocketKeeper, type SocketState } from "./socket-keeper.js";

export interface RpcServerOptions {
  /** Where to listen; they appear in this order. */
  socketPaths: readonly [string, ...string[]];
  service: ProviderService;
  clock: Clock;
  random: Random;
  /** How long a stop waits for open Mounts before it answers them itself. */
  graceMs?: number;
  emit: (event: RpcEvent) => void;
}

export interface RpcServer {
  /**
   * Only `listening`, which all sockets must be, is ready. It is `starting` until `listen` has resolved, and `stopping` from
   * the moment a stop begins.
   */
  readonly state: SocketState | "starting" | "stopping";
  /** Puts the sockets in place. Rejects with `invalid_request` where that cannot be, and has put none then. */
  listen(signal: AbortSignal): Promise<void>;
  /** Stops in order; may be called again, and then waits for the first. Never rejects for a client's sake. */
  stop(): Promise<void>;
}

const defaultGraceMs = 10_000;

/** How long answers may take to reach their clients before connections are cut. */
const flushMs = 2_000;

const grpcOptions = {
  /**
   * Attributes and tokens are 256 KiB at most; the rest is room for a class's `nodePublishSecretRef`, which keymount does not
   * read. The whole message of every call in flight is kept in memory: 250 pods with a Secret of 1 MB took 437 MiB.
   */
  "grpc.max_receive_message_length": 768 * 1_024,
  /** A node that comes back mounts all its volumes at once. */
  "grpc.max_concurrent_streams": 1_000,
  "grpc.enable_channelz": 0,
  interceptors: [finalCodes],
};

/** The server of the driver's calls, at unix sockets. It does not listen before `listen` is called. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  // It would write to stderr what clients send, past our log.
  setLogVerbosity(logVerbosity.NONE);
  const calls = new OpenCalls();
  const grpc = new Server(grpcOptions);
  grpc.addService(CSIDriverProviderService, {
    ...providerHandlers(options.service, { calls, clock: options.clock }, options.emit),
  });
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  gateStreams(grpc, new Set(Object.values(CSIDriverProviderService).map(({ path }) => path)), options.clock);
  const connections = new Set<Socket>();
  const onConnection = (socket: Socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
    injector.injectConnection(new AuthorityShim(socket));
  };
  const { clock, random, emit } = options;
  const keepers = options.socketPaths.map((path) => {
    const onState = (state: SocketState, error?: ProviderError) =>
      emit({ kind: "socketChanged", socket: path, state, error });
    return new SocketKeeper({ path, clock, random, onState, onConnection });
  });
  const stopKeepers = () => Promise.all(keepers.map((keeper) => keeper.stop()));
  let listening = false;
  const listen = async (signal: AbortSignal) => {
    signal.throwIfAborted();
    try {
      for (const keeper of keepers) await keeper.start();
      listening = true;
    } catch (error) {
      await stopKeepers();
      throw error;
    }
  };
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    const error = new ProviderError("unavailable", "keymount is stopping on this node; the kubelet tries again");
    calls.refuse(error);
    await within(options.graceMs ?? defaultGraceMs, calls.idle(), options.clock);
    calls.abort(error);
    await calls.idle();
    await stopKeepers();
    await within(flushMs, promisify(grpc.tryShutdown.bind(grpc))(), options.clock);
    await within(flushMs, allClosed(connections), options.clock);
    for (const socket of connections) socket.destroy();
    grpc.forceShutdown();
  };
  return {
    get state() {
      if (!listening) return "starting";
      const state = keepers.map((keeper) => keeper.state).find((state) => state !== "listening") ?? "listening";
      return stopping && state !== "stopped" ? "stopping" : state;
    },
    listen,
    stop: () => (stopping ??= stop()),
  };
}

/** A connection closes once its HTTP/2 session has said goodbye and all of it has gone out, which grpc-js does not wait for. */
async function allClosed(connections: ReadonlySet<Socket>): Promise<void> {
  const open = [...connections].filter((socket) => !socket.closed);
  await Promise.all(open.map((socket) => new Promise((resolve) => socket.once("close", resolve))));
}
