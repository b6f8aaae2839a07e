import net, { type OnReadOpts, type Socket } from "node:net";
import tls, { type PeerCertificate } from "node:tls";
import { prefixOf } from "../config/origin.js";
import type { Clock } from "../shared/clock.js";
import type { TlsMaterial } from "./tls-files.js";

/** What uses a socket for the length of one exchange. */
export interface SocketUser {
  connected(): void;
  /** The piece is the socket's: what is kept of it beyond the call is copied. */
  received(piece: Buffer): void;
  /** The other end sends nothing more. */
  ended(): void;
  /** The socket is gone: Node's code. */
  failed(code: string): void;
}

/** Closed by us well before Vault (5 min) or a balancer (often 60 s) would, so that no request meets a closing socket. */
const idleMs = 30_000;
/** Then a socket ends after its use: what a name or a balancer leads to may have changed. */
const longestLifeMs = 10 * 60_000;
/** How much sooner than the other end announces. */
const idleMarginMs = 1_000;

/**
 * What every socket reads into; the next read overwrites it. Left to itself, Node allocates 64 KiB for each read, which glibc
 * maps and unmaps where it gives large pieces back at once (Dockerfile).
 */
const readBuffer = Buffer.allocUnsafeSlow(64 << 10);

/** A kept-alive socket, and whose it is at the moment. */
export class PooledSocket {
  readonly #pool: SocketPool;
  readonly #socket: Socket;
  readonly #retiresAt: number;
  #user: SocketUser | undefined;
  #used = false;
  #isConnected = false;

  constructor(pool: SocketPool, connect: (onread: OnReadOpts) => Socket, secure: boolean) {
    const socket = connect({ buffer: readBuffer, callback: this.#read });
    this.#pool = pool;
    this.#socket = socket;
    this.#retiresAt = pool.clock.monotonic() + longestLifeMs;
    socket.once(secure ? "secureConnect" : "connect", () => {
      this.#isConnected = true;
      this.#user?.connected();
    });
    socket.on("end", () => (this.#user ? this.#user.ended() : socket.destroy()));
    socket.on("error", (error: NodeJS.ErrnoException) => this.#user?.failed(error.code ?? "FAILED"));
    socket.on("timeout", () => void (this.#user ?? socket.destroy()));
    socket.setTimeout(idleMs);
    socket.on("close", () => {
      pool.forget(this);
      this.#user?.failed("ECONNRESET");
    });
  }

  /** Whether an exchange was done over it before; the other end may be closing it at this very moment. */
  get used(): boolean {
    return this.#used;
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  /** Gives it to a user, which hears at once, or later, that it is connected. */
  use(user: SocketUser): void {
    this.#user = user;
    this.#socket.ref();
    if (this.#isConnected) user.connected();
  }

  write(text: string): void {
    this.#socket.write(text);
  }

  /** Its user, which hears nothing more of it, is done; the socket may idle for so long, or ends. */
  release(mostIdleMs: number): void {
    this.#user = undefined;
    this.#used = true;
    const ms = Math.min(idleMs, mostIdleMs - idleMarginMs);
    // An answer may come before all of its request has left (413); the rest is the other end's to read, or never leaves.
    const isOver = ms <= 0 || this.#pool.clock.monotonic() >= this.#retiresAt;
    if (isOver || this.#socket.writableLength > 0) return this.destroy();
    if (ms !== this.#socket.timeout) this.#socket.setTimeout(ms);
    this.#socket.unref();
    this.#pool.keep(this);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Returns whether to read on. */
  readonly #read = (bytes: number): boolean => {
    if (this.#user) this.#user.received(readBuffer.subarray(0, bytes));
    else this.destroy(); // What comes unasked is a proxy's farewell (408).
    return true;
  };
}

/** The kept-alive sockets to one address, all with the same TLS material; as many as are in use at once. */
export class SocketPool {
  /** The `Host` header. */
  readonly host: string;
  /** What precedes the path of each request. */
  readonly prefix: string;
  readonly clock: Pick<Clock, "monotonic">;
  readonly #connect: (onread: OnReadOpts) => Socket;
  readonly #secure: boolean;
  readonly #open = new Set<PooledSocket>();
  /** The one used last is used next, so that those not needed end. */
  readonly #idle: PooledSocket[] = [];
  #session: Buffer | undefined;
  #retired = false;

  constructor(origin: string, { options }: TlsMaterial, clock: Pick<Clock, "monotonic">) {
    const { protocol, host, hostname, port } = new URL(origin);
    this.#secure = protocol === "https:";
    this.prefix = prefixOf(origin);
    this.clock = clock;
    this.host = protocol === "unix:" ? "localhost" : host;
    if (protocol === "unix:") {
      const path = origin.slice("unix://".length); // A URL would escape what a file's name may hold.
      this.#connect = (onread) => net.connect({ path, onread });
      return;
    }
    const name = hostname.replace(/^\[|\]$/g, "");
    const shared = { host: name, noDelay: true, keepAlive: true };
    if (!this.#secure) {
      this.#connect = (onread) => net.connect({ ...shared, port: Number(port || 80), onread });
      return;
    }
    // An address may be the name of a certificate, not of SNI (RFC 6066 §3).
    const certified = options.servername ?? name;
    const servername = net.isIP(certified) === 0 ? certified : "";
    const checkServerIdentity = (_host: string, certificate: PeerCertificate) =>
      tls.checkServerIdentity(certified, certificate);
    // Made once: a bundle of 150 CAs takes 30 ms to parse.
    const secureContext = tls.createSecureContext(options);
    const target = {
      ...shared,
      ...options,
      secureContext,
      servername,
      checkServerIdentity,
      ALPNProtocols: ["http/1.1"],
      port: Number(port || 443),
    };
    this.#connect = (onread) => {
      const readable = { ...target, onread }; // Of tls.connect, too; its types do not say so.
      const socket = tls.connect({ ...readable, ...(this.#session && { session: this.#session }) });
      socket.on("session", (session: Buffer) => (this.#session = session));
      socket.on("error", () => (this.#session = undefined));
      return socket;
    };
  }

  /** Whether a socket is open that is not idle. */
  get inUse(): boolean {
    return this.#open.size > this.#idle.length;
  }

  /** A socket that is idle, else a new one. */
  take(): PooledSocket {
    for (let kept = this.#idle.pop(); kept; kept = this.#idle.pop()) if (!kept.destroyed) return kept;
    const socket = new PooledSocket(this, this.#connect, this.#secure);
    this.#open.add(socket);
    return socket;
  }

  /** Takes a socket back for the next user. */
  keep(socket: PooledSocket): void {
    if (this.#retired) socket.destroy();
    else this.#idle.push(socket);
  }

  /** It is closed. */
  forget(socket: PooledSocket): void {
    this.#open.delete(socket);
    const at = this.#idle.indexOf(socket);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** When one kept-alive socket turns out closed by the other end, its idle siblings are, too. */
  endIdle(): void {
    for (const socket of this.#idle.splice(0)) {
      this.#open.delete(socket);
      socket.destroy();
    }
  }

  /** Ends what is idle, and each other socket after its use. */
  retire(): void {
    this.#retired = true;
    this.endIdle();
  }

  /** Ends every socket, in use or not. */
  close(): void {
    this.retire();
    for (const socket of this.#open) socket.destroy();
  }
}
