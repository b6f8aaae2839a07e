import { connect, type TLSSocket } from "node:tls";
import type { TlsSettings } from "../config/connection.js";
import { prefixOf } from "../config/origin.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { withDeadline } from "../shared/join-signals.js";
import { classifyFault } from "../vault/connection-fault.js";
import { ExchangeError } from "../vault/http-exchange.js";
import type { TlsMaterial } from "../vault/tls-files.js";
import { Problem } from "./problems.js";
import { type Chain, chainOf } from "./certificate-chain.js";
import type { HostTarget } from "./target.js";

/** What the server showed. */
export interface Handshake {
  protocol: string;
  /** Why keymount would refuse it: OpenSSL's or Node's code. */
  fault: string | undefined;
  /** The name its certificate must have. */
  hostname: string;
  chain: Chain;
}

export interface HandshakeAsk {
  origin: string;
  target: HostTarget;
  /** An IP address of the target's. */
  address: string;
  settings: TlsSettings;
  clock: Clock;
}

/** How long a refusal by the server may take; it usually comes at once. */
const refusalTimeoutMs = 1_000;

/**
 * Shakes hands as keymount does, but accepts every certificate of the server. The connection is used once: with TLS
 * 1.3 a server refuses the client's certificate only afterwards. Throws `Problem` where the handshake itself fails.
 */
export async function shakeHands(
  { origin, target, address, settings, clock }: HandshakeAsk,
  { options }: TlsMaterial,
  signal: AbortSignal,
): Promise<Handshake> {
  const { host, port, named } = target;
  const servername = settings.serverName ?? (named ? host : "");
  const ALPNProtocols = ["http/1.1"];
  const socket = connect({ ...options, host: address, port, servername, ALPNProtocols, rejectUnauthorized: false });
  try {
    await happens(socket, "secureConnect", signal);
    const chain = chainOf(socket.getPeerCertificate(true));
    const fault = socket.authorizationError as string | Error | null | undefined;
    socket.write(`GET ${prefixOf(origin)}/v1/sys/health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    await refusalOrSilence(socket, clock, signal);
    const hostname = servername === "" ? host : servername;
    return { protocol: socket.getProtocol() ?? "TLS", fault: fault ? String(fault) : undefined, hostname, chain };
  } catch (reason) {
    signal.throwIfAborted();
    throw handshakeProblem((reason as NodeJS.ErrnoException).code ?? "FAILED", origin, settings);
  } finally {
    socket.destroy();
  }
}

/** A server that accepts us answers or is silent; the next step judges that. */
async function refusalOrSilence(socket: TLSSocket, clock: Clock, signal: AbortSignal): Promise<void> {
  const silent = new ProviderError("deadline_exceeded", "no answer");
  const deadline = withDeadline(signal, refusalTimeoutMs, () => silent, clock);
  try {
    await happens(socket, "data", deadline.signal);
  } catch (reason) {
    if (reason !== silent) throw reason;
  } finally {
    deadline.release();
  }
}

/** Rejects with Node's error, or one of code `ECONNRESET` where the other end hangs up. */
function happens(socket: TLSSocket, event: "secureConnect" | "data", signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    socket.once(event, () => resolve());
    socket.once("error", reject);
    socket.once("close", () => reject(Object.assign(new Error("closed"), { code: "ECONNRESET" })));
    if (signal.aborted) abort();
  });
}

function handshakeProblem(code: string, origin: string, { certFile }: TlsSettings): Problem {
  const ours = certFile === undefined ? "none is configured" : `${certFile} is given`;
  const alert = code.includes("ALERT") ? code.slice(code.indexOf("ALERT")) : "";
  if (/CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE/.test(alert)) {
    return new Problem("tls.client-certificate", `${origin} wants another client certificate; ${ours} (${code})`);
  }
  if (code === "ECONNRESET" || code === "EPIPE") {
    const what = `${origin} hangs up on our TLS; it may want another client certificate (${ours}), or something stands between`;
    return new Problem("tls.client-certificate", what);
  }
  const said = classifyFault(new ExchangeError(code, "connecting", false), origin).error.message;
  if (code.includes("UNRECOGNIZED_NAME")) return new Problem("tls.name", said);
  if (/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|APPLICATION_PROTOCOL/.test(code)) return new Problem("tls.version", said);
  return new Problem("tls.no-tls", said);
}
