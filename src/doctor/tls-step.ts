import { checkServerIdentity, connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import type { TlsSettings } from "../config/connection.js";
import { named, quoted } from "../shared/quoted.js";
import { understandFault } from "../vault/connection-fault.js";
import { ExchangeError } from "../vault/http-exchange.js";
import { type TlsMaterial, readMaterial } from "../vault/tls-files.js";
import { VaultError } from "../vault/vault-error.js";
import { Break, type BreakName } from "./breaks.js";
import type { Seen } from "./round.js";
import type { HostTarget, Target } from "./target.js";
import type { Reached } from "./tcp-step.js";

export interface TlsAsk {
  origin: string;
  target: Target;
  address: Reached;
  settings: TlsSettings;
  /** Milliseconds since the epoch. */
  now: number;
}

const soonMs = 14 * 86_400_000;

/**
 * Shakes hands as keymount does, but looks at the certificate before it judges, so that it can say what is wrong with
 * it. The connection is used once: with TLS 1.3 a server refuses the client's certificate only afterwards.
 */
export async function lookAtTls(ask: TlsAsk, signal: AbortSignal): Promise<Seen<TlsMaterial>> {
  const material = await readMaterial(ask.settings).catch((reason: unknown) => {
    if (reason instanceof VaultError) throw new Break("tls.files", reason.message);
    throw reason;
  });
  if ("socketPath" in ask.target) return { value: material, facts: ["a unix socket: no TLS"] };
  if (!ask.target.secure) {
    return { value: material, facts: ["plain HTTP: no TLS"], warnings: plainHttp(ask.target) };
  }
  const seen = await shakeHands(ask, ask.target, material, signal);
  const mistake = mistakeIn(seen, ask);
  if (mistake && !ask.settings.skipVerify) throw mistake;
  const ignored = mistake ? [`any certificate is taken (tls.skipVerify), though ${mistake.what}`] : [];
  return { value: material, facts: factsOf(seen, ask.now), warnings: [...ignored, ...endingSoon(seen, ask.now)] };
}

function plainHttp({ host }: HostTarget): string[] {
  const near = /^(localhost|127\..*|::1)$/.test(host);
  return near ? [] : ["tokens and secrets cross the network unencrypted"];
}

interface Handshake {
  protocol: string;
  /** Why Node would refuse it; OpenSSL's or Node's code. */
  fault: string | undefined;
  hostname: string;
  /** The server's own first, as far as it sent them. */
  chain: readonly DetailedPeerCertificate[];
}

async function shakeHands(
  { origin, address, settings }: TlsAsk,
  { host, port, named: isNamed }: HostTarget,
  { options }: TlsMaterial,
  signal: AbortSignal,
): Promise<Handshake> {
  const servername = settings.serverName ?? (isNamed ? host : "");
  const socket = connect({ ...options, host: address, port, servername, rejectUnauthorized: false });
  try {
    await settled(socket, "secureConnect", signal).catch((reason: unknown) => {
      signal.throwIfAborted();
      throw handshakeBreak(reason, origin, settings);
    });
    const chain = chainOf(socket.getPeerCertificate(true));
    const hostname = servername === "" ? host : servername;
    const fault = socket.authorizationError as unknown as string | Error | null;
    await useOnce(socket, host, origin, settings, signal);
    return { protocol: socket.getProtocol() ?? "TLS", fault: fault ? String(fault) : undefined, hostname, chain };
  } finally {
    socket.destroy();
  }
}

/** A server that does not take us says so, or hangs up, in place of its answer. */
async function useOnce(
  socket: TLSSocket,
  host: string,
  origin: string,
  settings: TlsSettings,
  signal: AbortSignal,
): Promise<void> {
  socket.write(`GET /v1/sys/health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  await settled(socket, "data", signal).catch((reason: unknown) => {
    signal.throwIfAborted();
    throw handshakeBreak(reason, origin, settings);
  });
}

/** Rejects with Node's error, or one of code `ECONNRESET` where the other end hangs up. */
function settled(socket: TLSSocket, event: "secureConnect" | "data", signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    socket.once(event, () => resolve());
    socket.once("error", reject);
    socket.once("close", () => reject(Object.assign(new Error("closed"), { code: "ECONNRESET" })));
    if (signal.aborted) abort();
  });
}

function handshakeBreak(reason: unknown, origin: string, settings: TlsSettings): Break {
  const code = (reason as NodeJS.ErrnoException).code ?? "FAILED";
  const ours = settings.certFile === undefined ? "none is configured" : `${settings.certFile} is given`;
  if (/ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)/.test(code)) {
    return new Break("tls.client-certificate", `${origin} wants another client certificate; ${ours} (${code})`);
  }
  if (code === "ECONNRESET" || code === "EPIPE") {
    return new Break(
      "tls.client-certificate",
      `${origin} hangs up on our TLS; it may want another client certificate (${ours}), or something stands between`,
    );
  }
  return new Break("tls.no-tls", understandFault(new ExchangeError(code, "connecting", false), origin).error.message);
}

function chainOf(leaf: DetailedPeerCertificate): DetailedPeerCertificate[] {
  const chain: DetailedPeerCertificate[] = [];
  for (let one = leaf; one?.raw && !chain.some(({ raw }) => raw.equals(one.raw)); one = one.issuerCertificate) {
    chain.push(one);
  }
  return chain;
}

const datesFaults = ["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"];

function mistakeIn(seen: Handshake, { origin, now }: TlsAsk): Break | undefined {
  const { fault, chain, hostname } = seen;
  if (fault === undefined) return undefined;
  const said = understandFault(new ExchangeError(fault, "connecting", false), origin).error.message;
  const more = datesFaults.includes(fault)
    ? datesOf(chain, now)
    : fault === nameFault
      ? namesOf(seen)
      : issuerOf(chain);
  const wrongName =
    fault !== nameFault && chain[0] && checkServerIdentity(hostname, chain[0]) ? `; ${namesOf(seen)}` : "";
  return new Break(breakOf(fault), `${said}: ${more}${wrongName}`);
}

const nameFault = "ERR_TLS_CERT_ALTNAME_INVALID";

function breakOf(fault: string): BreakName {
  if (fault === nameFault) return "tls.name";
  return datesFaults.includes(fault) ? "tls.dates" : "tls.untrusted";
}

function namesOf({ chain: [leaf], hostname }: Handshake): string {
  const names = (leaf?.subjectaltname ?? "").split(", ").map((name) => name.replace(/^(DNS|IP Address|URI):/, ""));
  const known = names
    .filter((name) => name !== "")
    .slice(0, 20)
    .map(named);
  return `it is asked for ${named(hostname)}, and names ${known.join(", ") || "nobody"}`;
}

function datesOf(chain: readonly DetailedPeerCertificate[], now: number): string {
  const wrong = chain.find((one) => now < Date.parse(one.valid_from) || now > Date.parse(one.valid_to)) ?? chain[0];
  return wrong ? `that of ${subjectOf(wrong)} is good from ${day(wrong.valid_from)} to ${day(wrong.valid_to)}` : "";
}

function issuerOf(chain: readonly DetailedPeerCertificate[]): string {
  const last = chain.at(-1);
  return last ? `the last it sent is of ${subjectOf(last)}, signed by ${nameOf(last.issuer)}` : "it sent none";
}

function factsOf({ protocol, chain: [leaf] }: Handshake, now: number): string[] {
  if (!leaf) return [protocol];
  const days = Math.floor((Date.parse(leaf.valid_to) - now) / 86_400_000);
  return [
    protocol,
    `the certificate of ${subjectOf(leaf)}, signed by ${nameOf(leaf.issuer)}, is good until ${day(leaf.valid_to)} (${days} days)`,
  ];
}

function endingSoon({ chain }: Handshake, now: number): string[] {
  return chain
    .filter(({ valid_to: end }) => Date.parse(end) > now && Date.parse(end) - now < soonMs)
    .map((one) => `the certificate of ${subjectOf(one)} ends on ${day(one.valid_to)}, in less than 14 days`);
}

function subjectOf({ subject }: DetailedPeerCertificate): string {
  return nameOf(subject);
}

/** A certificate may have several common names, or none. */
function nameOf(holder: DetailedPeerCertificate["subject"] | undefined): string {
  const names = [holder?.CN ?? holder?.O ?? holder?.OU ?? "nobody"].flat();
  return quoted(String(names[0]));
}

function day(date: string): string {
  const at = Date.parse(date);
  return Number.isNaN(at) ? quoted(date) : new Date(at).toISOString().slice(0, 10);
}
