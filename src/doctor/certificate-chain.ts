import type { DetailedPeerCertificate } from "node:tls";
import { named, quoted } from "../shared/quoted.js";

/** The server's own first, as far as it sent them. */
export type Chain = readonly DetailedPeerCertificate[];

const soonMs = 14 * 86_400_000;

/** `leaf` holds its issuers; a root is its own. */
export function chainOf(leaf: DetailedPeerCertificate): Chain {
  const chain: DetailedPeerCertificate[] = [];
  for (let one = leaf; one?.raw && !chain.some(({ raw }) => raw.equals(one.raw)); one = one.issuerCertificate) {
    chain.push(one);
  }
  return chain;
}

export function namesText([leaf]: Chain, hostname: string): string {
  const names = (leaf?.subjectaltname ?? "").split(", ").map((name) => name.replace(/^(DNS|IP Address|URI):/, ""));
  const known = names
    .filter((name) => name !== "")
    .slice(0, 20)
    .map(named);
  return `it is asked for ${named(hostname)}, and names ${known.join(", ") || "no host"}`;
}

/** Of the first certificate that is not good at the time. */
export function datesText(chain: Chain, now: number): string {
  const wrong = chain.find((one) => now < Date.parse(one.valid_from) || now > Date.parse(one.valid_to)) ?? chain[0];
  return wrong
    ? `that of ${nameOf(wrong.subject)} is good from ${day(wrong.valid_from)} to ${day(wrong.valid_to)}`
    : "it sent none";
}

export function issuerText(chain: Chain): string {
  const last = chain.at(-1);
  return last ? `the last it sent is of ${nameOf(last.subject)}, signed by ${nameOf(last.issuer)}` : "it sent none";
}

export function validityTexts([leaf]: Chain, now: number): string[] {
  if (!leaf) return [];
  const days = Math.floor((Date.parse(leaf.valid_to) - now) / 86_400_000);
  const until = `${day(leaf.valid_to)} (${days} days)`;
  return [`the certificate of ${nameOf(leaf.subject)}, signed by ${nameOf(leaf.issuer)}, is good until ${until}`];
}

export function endingSoonTexts(chain: Chain, now: number): string[] {
  return chain
    .filter(({ valid_to: end }) => Date.parse(end) > now && Date.parse(end) - now < soonMs)
    .map((one) => `the certificate of ${nameOf(one.subject)} ends on ${day(one.valid_to)}, in less than 14 days`);
}

/** A certificate may have several common names, or none. */
function nameOf(holder: DetailedPeerCertificate["subject"] | undefined): string {
  const names = [holder?.CN ?? holder?.O ?? holder?.OU ?? "no name"].flat();
  return quoted(String(names[0]));
}

function day(date: string): string {
  const at = Date.parse(date);
  return Number.isNaN(at) ? quoted(date) : new Date(at).toISOString().slice(0, 10);
}
