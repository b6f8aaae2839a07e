import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import { answers, type FileIdentity, identify, isSame, publishSocket, withdrawSocket } from "./socket-file.js";

/** How often the socket's file is looked at. */
const checkEveryMs = 5_000;

/** More than a node has clients; beyond it new ones are turned away. */
const mostConnections = 1_024;

/** `displaced`: another live provider has our path. `failing`: there is no socket, and none could be made. */
export type SocketState = "listening" | "displaced" | "failing" | "stopped";

export interface SocketKeeperOptions {
  path: string;
  clock: Clock;
  random: Random;
  onConnection: (socket: Socket) => void;
  /** Called at every change, with the reason. */
  onState: (state: SocketState, error?: ProviderError) => void;
}

/**
 * Keeps our socket at its path. A socket that another unlinked is made again within seconds; while another live provider
 * has the path, ours waits, and comes back when that one goes: two that fight would cut each other's connections again and again.
 */
export class SocketKeeper {
  readonly #options: SocketKeeperOptions;
  readonly #stop = new AbortController();
  #listener: Server | undefined;
  #identity: FileIdentity | undefined;
  #state: SocketState = "failing";
  #watching: Promise<void> = Promise.resolve();

  constructor(options: SocketKeeperOptions) {
    this.#options = options;
  }

  get state(): SocketState {
    return this.#state;
  }

  /** Creates the socket, over that of a previous process. Rejects when it cannot. */
  async start(): Promise<void> {
    await this.#publish();
    this.#watching = this.#watch();
  }

  /**
   * Removes the socket if it is still ours, and only then stops listening: a socket without a listener makes drivers wait.
   * Never rejects; the reason why the file is still there is reported with the state.
   */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
    let left: ProviderError | undefined;
    try {
      if (this.#identity) await withdrawSocket(this.#options.path, this.#identity);
    } catch (reason) {
      left = ProviderError.from(reason);
    }
    this.#listener?.close();
    this.#become("stopped", left);
  }

  async #watch(): Promise<void> {
    while (await this.#slept()) {
      await this.#check().catch((error: unknown) => this.#become("failing", ProviderError.from(error)));
    }
  }

  async #slept(): Promise<boolean> {
    return this.#options.clock.sleep(checkEveryMs, this.#stop.signal).then(
      () => true,
      () => false,
    );
  }

  async #check(): Promise<void> {
    const found = await identify(this.#options.path);
    if (found && this.#identity && isSame(this.#identity, found)) return this.#become("listening");
    if (found && (await answers(this.#options.path))) return this.#become("displaced");
    await this.#publish();
  }

  /** A listener whose file is gone cannot have it back: each socket is a new one. Connections it accepted live on. */
  async #publish(): Promise<void> {
    const listener = createServer(this.#options.onConnection);
    listener.maxConnections = mostConnections;
    this.#identity = await publishSocket(listener, this.#options.path, this.#options.random);
    this.#listener?.close();
    this.#listener = listener;
    this.#become("listening");
  }

  #become(state: SocketState, error?: ProviderError): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState(state, error);
  }
}
